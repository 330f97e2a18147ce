//! tmp
#[derive(Clone, Debug)]
pub enum OptionValue { None, Star, Text(String), List(Vec<String>) }
