use std::path::PathBuf;

use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use crate::Result;

const MIB: usize = 1024 * 1024;

/// How partitions are written; one type for COPY, INSERT and merge.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Rows after which a row group ends.
    pub row_group_rows_max: usize,
    /// Encoded bytes after which a row group ends.
    pub row_group_bytes_max: usize,
    /// Size of an object from which on the next rows go to another one, in bytes.
    pub partition_target_bytes: usize,
    /// Neighbouring time buckets share a partition while it is below this size, in bytes.
    pub partition_min_bytes: usize,
    /// Files without a key that one writer fills at once, and encodings under way at once when it is finished.
    pub encoders_max: usize,
    /// Memory in which one writer collects and sorts rows that have a partition or order key, in bytes; beyond it
    /// sorted runs go to the spill folder.
    pub sort_memory_bytes: usize,
    /// Runs that are merged at once.
    pub sort_fan_in_max: usize,
    /// Where runs go; created on first use.
    pub spill_folder: PathBuf,
}

impl WriteOptions {
    /// The defaults.
    pub fn new(spill_folder: PathBuf) -> WriteOptions {
        WriteOptions {
            row_group_rows_max: 256 * 1024,
            row_group_bytes_max: 64 * MIB,
            partition_target_bytes: 256 * MIB,
            partition_min_bytes: 32 * MIB,
            encoders_max: 2,
            sort_memory_bytes: 256 * MIB,
            sort_fan_in_max: 64,
            spill_folder,
        }
    }

    /// Parquet's settings for a file of that schema: the encodings that measured best (docs/formats.md, "partition").
    pub(crate) fn properties(&self, file: &arrow::datatypes::Schema) -> Result<WriterProperties> {
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_created_by(concat!("peristyle ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::LZ4_RAW)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(self.row_group_rows_max))
            .set_max_row_group_bytes(Some(self.row_group_bytes_max));
        let schema = ArrowSchemaConverter::new().convert(file)?;
        for column in schema.columns() {
            if matches!(column.physical_type(), PhysicalType::INT32 | PhysicalType::INT64) {
                properties = properties
                    .set_column_dictionary_enabled(column.path().clone(), false)
                    .set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED);
            }
        }
        Ok(properties.build())
    }
}
