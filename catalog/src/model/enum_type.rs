use super::{Oid, PgType};

/// An enum type's definition: its values are the labels, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumType {
    /// By their order, which is strict.
    pub labels: Vec<EnumLabel>,
}

/// A value of an enum type.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumLabel {
    /// Oid of the `pg_enum` row.
    pub oid: Oid,
    pub name: String,
    /// `enumsortorder`: a label that is added between two others gets a number between theirs.
    pub order: f32,
}

/// Where the oids of enum types begin. They are a range of their own, so that a type is known by its oid alone: even
/// ones are enum types, the odd one after each is the array type over it.
const FIRST_TYPE: u32 = 1 << 31;
/// The first number of the counter of oids that leads to no oid of that range.
const DEFINITIONS_END: u32 = 1 << 30;

impl EnumType {
    /// The labels, numbered in the order in which they are given.
    pub fn new(labels: impl IntoIterator<Item = (Oid, String)>) -> EnumType {
        let labels = labels.into_iter().zip(1_u32..);
        EnumType { labels: labels.map(|((oid, name), at)| EnumLabel { oid, name, order: at as f32 }).collect() }
    }

    /// Where the label stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|label| label.name == name)
    }

    /// The same type with one more label at a place. The others keep their numbers, unless there is none left between the
    /// two at the place.
    #[must_use]
    pub fn with_label(&self, at: usize, oid: Oid, name: String) -> EnumType {
        let mut labels = self.labels.clone();
        let order_of = |at: usize| labels.get(at).map(|label| label.order);
        let before = at.checked_sub(1).and_then(order_of);
        let order = match (before, order_of(at)) {
            (None, None) => 1.0,
            (Some(before), None) => before + 1.0,
            (None, Some(after)) => after - 1.0,
            (Some(before), Some(after)) => before + (after - before) / 2.0,
        };
        let is_between = before.is_none_or(|before| before < order) && order_of(at).is_none_or(|after| order < after);
        labels.insert(at, EnumLabel { oid, name, order });
        if is_between {
            return EnumType { labels };
        }
        EnumType::new(labels.into_iter().map(|label| (label.oid, label.name)))
    }
}

impl PgType {
    /// The enum type that a relation defines; `None` if the relation's oid leaves no room for it.
    pub fn of_enum(definition: Oid) -> Option<PgType> {
        (definition.0 < DEFINITIONS_END).then(|| PgType::plain(FIRST_TYPE | (definition.0 << 1)))
    }

    /// The relation that defines this enum type, or the elements' of this array type; `None` for any other type.
    pub fn enum_definition(self) -> Option<Oid> {
        (self.oid >= FIRST_TYPE).then_some(Oid((self.oid & !FIRST_TYPE) >> 1))
    }

    /// The array type over an enum type.
    pub(super) fn enum_array(self) -> Option<PgType> {
        (self.is_enum_or_array() && !self.is_enum_array()).then(|| PgType::plain(self.oid | 1))
    }

    /// The enum type of the elements of an array.
    pub(super) fn enum_element(self) -> Option<PgType> {
        self.is_enum_array().then(|| PgType::plain(self.oid & !1))
    }

    /// Whether values are labels, or arrays of them.
    pub(super) fn is_enum_or_array(self) -> bool {
        self.oid >= FIRST_TYPE
    }

    fn is_enum_array(self) -> bool {
        self.is_enum_or_array() && self.oid & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TypeKind;

    #[test]
    fn a_type_and_its_array_are_known_by_their_oids() {
        let mood = PgType::of_enum(Oid(16400)).expect("there is room");
        let moods = mood.array().expect("every enum type has an array type");
        assert_eq!((mood.kind(), moods.kind()), (Some(TypeKind::Enum), Some(TypeKind::Enum)));
        assert!(!mood.is_array() && moods.is_array());
        assert_eq!((moods.element(), mood.element(), moods.array()), (Some(mood), None, None));
        assert_eq!((mood.enum_definition(), moods.enum_definition()), (Some(Oid(16400)), Some(Oid(16400))));
        assert_eq!(PgType::TEXT.enum_definition(), None);
        assert_eq!(PgType::of_enum(Oid(1 << 30)), None);
    }

    #[test]
    fn a_label_finds_room_between_two_others() {
        let orders = |ty: &EnumType| ty.labels.iter().map(|label| label.order).collect::<Vec<_>>();
        let ty = EnumType::new([(Oid(1), "a".to_owned()), (Oid(2), "c".to_owned())]);
        let ty = ty.with_label(1, Oid(3), "b".to_owned());
        assert_eq!(orders(&ty), [1.0, 1.5, 2.0]);
        let ends = ty.with_label(0, Oid(4), "0".to_owned()).with_label(4, Oid(5), "z".to_owned());
        assert_eq!(orders(&ends), [0.0, 1.0, 1.5, 2.0, 3.0]);
    }

    #[test]
    fn labels_are_numbered_anew_where_no_number_is_left() {
        let mut ty = EnumType::new([(Oid(1), "a".to_owned()), (Oid(2), "b".to_owned())]);
        for number in 0..40 {
            ty = ty.with_label(1, Oid(3 + number), format!("m{number}"));
            assert!(ty.labels.is_sorted_by(|a, b| a.order < b.order), "after {number}");
        }
        assert_eq!(ty.position("a"), Some(0));
        assert_eq!(ty.position("m39"), Some(1));
    }
}
