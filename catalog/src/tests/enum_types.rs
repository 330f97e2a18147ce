//! Enum types: tables keep them, and what is there after a start is what was committed.

use super::support::{Home, PUBLIC, column, describe, relation, requiring, set, table};
use crate::Error;
use crate::model::{Change, EnumType, Oid, PgType, RelationKind, Requirement};

const E: u32 = 20_200;
const T: u32 = 20_210;

fn mood() -> EnumType {
    EnumType::new([(Oid(E + 1), "sad".to_owned()), (Oid(E + 2), "happy".to_owned())])
}

fn create_both() -> Vec<Change> {
    let ty = PgType::of_enum(Oid(E)).and_then(PgType::array).expect("there is room");
    let user = table(T, "t", vec![column(1, "a", PgType::INT4), column(2, "moods", ty)]);
    vec![Change::CreateRelation(relation(E, "mood", RelationKind::Enum(mood()))), Change::CreateRelation(user)]
}

#[tokio::test]
async fn a_type_stays_while_a_table_has_columns_of_it() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(set(create_both())).await.unwrap();
    let drop = |except| {
        let unused = Requirement::NoDependents { oid: Oid(E), except };
        catalog.commit(requiring(unused, vec![Change::DropRelation(Oid(E))]))
    };
    assert!(matches!(drop(vec![]).await, Err(Error::DependentObjects { dependents }) if dependents == [Oid(T)]));
    assert!(catalog.snapshot().relation_by_name(PUBLIC, "mood").is_some());
    drop(vec![Oid(T)]).await.unwrap();
    assert!(catalog.snapshot().relation(Oid(E)).is_none());
}

#[tokio::test]
async fn a_table_of_a_type_that_is_gone_is_refused() {
    let home = Home::new();
    let catalog = home.open().await;
    let [_, user]: [Change; 2] = create_both().try_into().expect("two changes");
    assert!(matches!(catalog.commit(set(vec![user])).await, Err(Error::RelationGone(oid)) if oid == Oid(E)));
}

#[tokio::test]
async fn labels_are_there_after_a_start_without_an_index() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(set(create_both())).await.unwrap();
    let more = RelationKind::Enum(mood().with_label(1, Oid(E + 3), "ok".to_owned()));
    catalog.commit(set(vec![Change::ReplaceRelation(relation(E, "mood", more.clone()))])).await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    let head = home.open().await.snapshot();
    assert_eq!(describe(&head), described);
    assert_eq!(head.relation(Oid(E)).map(|relation| relation.kind.clone()), Some(more));
}
