import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import org.postgresql.PGConnection;

/** pgjdbc: metadata, types in text and binary, fetch size, batches, CopyManager, savepoints, errors. */
public class Jdbc {
    static void same(Object found, Object wanted) {
        if (!Objects.equals(found, wanted)) throw new AssertionError("found " + found + ", wanted " + wanted);
    }

    static Connection open(String port, String user, String database, String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        for (int i = 0; i < options.length; i += 2) properties.setProperty(options[i], options[i + 1]);
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/" + database, properties);
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> values = new ArrayList<>();
        while (rows.next()) values.add(rows.getString(name));
        return values;
    }

    static void metadata(Connection connection, String table) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        same(data.getDatabaseProductName(), "PostgreSQL");
        same(column(data.getTables(null, "public", table, new String[] {"TABLE"}), "TABLE_NAME"), List.of(table));
        same(column(data.getColumns(null, "public", table, "%"), "COLUMN_NAME"),
            List.of("id", "name", "price", "day", "at", "ok", "tags"));
        same(column(data.getColumns(null, null, table, "%"), "TYPE_NAME"),
            List.of("int4", "varchar", "numeric", "date", "timestamptz", "bool", "_text"));
        same(column(data.getPrimaryKeys(null, "public", table), "COLUMN_NAME"), List.of("id"));
        same(column(data.getIndexInfo(null, "public", table, true, false), "COLUMN_NAME"), List.of("id"));
        same(column(data.getSchemas(), "TABLE_SCHEM").contains("public"), true);
    }

    static void values(Connection connection, String table) throws SQLException {
        String insert = "insert into " + table + " values (?, ?, ?, ?, ?, ?, ?)";
        OffsetDateTime at = OffsetDateTime.parse("2026-01-02T03:04:05.678Z");
        try (PreparedStatement statement = connection.prepareStatement(insert)) {
            for (int id = 1; id <= 10; id++) {
                statement.setInt(1, id);
                statement.setString(2, id == 10 ? null : "name " + id);
                statement.setBigDecimal(3, new BigDecimal("1.25").multiply(BigDecimal.valueOf(id)));
                statement.setObject(4, LocalDate.of(2026, 1, id));
                statement.setObject(5, at);
                statement.setBoolean(6, id % 2 == 0);
                statement.setArray(7, connection.createArrayOf("text", new String[] {"a", "b c"}));
                statement.addBatch();
            }
            same(Arrays.stream(statement.executeBatch()).map(n -> n == Statement.SUCCESS_NO_INFO ? 1 : n).sum(), 10);
        }
        // More than the driver's threshold, so that it prepares on the server and takes binary values.
        try (PreparedStatement statement = connection.prepareStatement("select * from " + table + " where id = ?")) {
            for (int round = 0; round < 8; round++) {
                statement.setInt(1, 4);
                ResultSet rows = statement.executeQuery();
                same(rows.next(), true);
                same(rows.getString("name"), "name 4");
                same(rows.getBigDecimal("price").compareTo(new BigDecimal("5.00")), 0);
                same(rows.getObject("day", LocalDate.class), LocalDate.of(2026, 1, 4));
                same(rows.getObject("at", OffsetDateTime.class).toInstant(), at.toInstant());
                same(rows.getBoolean("ok"), true);
                same(Arrays.asList((String[]) rows.getArray("tags").getArray()), List.of("a", "b c"));
                same(rows.next(), false);
            }
        }
        try (PreparedStatement statement = connection.prepareStatement("update " + table + " set day = ? where id = 1")) {
            statement.setDate(1, Date.valueOf("2026-05-06"));
            same(statement.executeUpdate(), 1);
        }
    }

    static void transactions(Connection connection, String table) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            ResultSet rows = statement.executeQuery("select n from generate_series(1, 1000) as t(n) order by n");
            long sum = 0;
            while (rows.next()) sum += rows.getLong(1);
            same(sum, 500500L);

            Savepoint savepoint = connection.setSavepoint("before");
            statement.executeUpdate("delete from " + table);
            try {
                statement.executeQuery("select nosuch from " + table);
                throw new AssertionError("no error");
            } catch (SQLException error) {
                same(error.getSQLState(), "42703");
            }
            connection.rollback(savepoint);
            connection.commit();
            rows = statement.executeQuery("select count(*) from " + table);
            rows.next();
            same(rows.getInt(1), 10);
        }
        connection.setAutoCommit(true);
    }

    static void copies(Connection connection, String table) throws Exception {
        var manager = connection.unwrap(PGConnection.class).getCopyAPI();
        same(manager.copyIn("copy " + table + " (id, name) from stdin (format csv)", new StringReader("11,eleven\n12,\n")), 2L);
        StringWriter out = new StringWriter();
        manager.copyOut("copy (select id, name from " + table + " where id > 10 order by id) to stdout", out);
        same(out.toString(), "11\televen\n12\t\\N\n");
    }

    public static void main(String[] arguments) throws Exception {
        String port = arguments[0], user = arguments[1], database = arguments[2], table = arguments[3];
        String[][] modes = {
            {}, {"preferQueryMode", "simple"}, {"binaryTransfer", "false"}, {"autosave", "always", "reWriteBatchedInserts", "true"},
        };
        for (String[] mode : modes) {
            try (Connection connection = open(port, user, database, mode)) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("create table " + table + " (id int not null primary key, name varchar(20), price numeric(10,2), "
                        + "day date, at timestamptz, ok bool, tags text[])");
                }
                metadata(connection, table);
                values(connection, table);
                transactions(connection, table);
                copies(connection, table);
                try (Statement statement = connection.createStatement()) {
                    statement.execute("drop table " + table);
                }
            }
        }
        System.out.println("done");
    }
}
