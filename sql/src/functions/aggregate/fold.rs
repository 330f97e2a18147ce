//! An aggregate over packed values that brings each together with what came before.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use peristyle_storage::packed::{self, Bits, Money, Packed};

use crate::functions::money;

/// Two values, as their bytes, become one.
type Combine = Box<dyn Fn(&[u8], &[u8]) -> Result<Vec<u8>> + Send + Sync>;

/// What has come so far.
pub(super) struct Fold {
    ty: DataType,
    combine: Combine,
    /// Takes a value away again, where that can be done.
    remove: Option<Combine>,
    value: Option<Vec<u8>>,
    count: usize,
}

impl Fold {
    /// The sum of money.
    pub(super) fn of_money(ty: DataType) -> Fold {
        let combine = |f: fn(Money, Money) -> Result<Money>| -> Combine {
            Box::new(move |a, b| Ok(f(Money::of(a), Money::of(b))?.pack().to_vec()))
        };
        Fold { ty, combine: combine(money::sum), remove: Some(combine(money::difference)), value: None, count: 0 }
    }

    /// Strings of bits, combined so.
    pub(super) fn of_bits(combine: fn(&Bits, &Bits) -> Result<Bits>) -> Fold {
        let combine: Combine = Box::new(move |a, b| Ok(combine(&Bits::unpack(a), &Bits::unpack(b))?.pack()));
        Fold { ty: Bits::ARROW, combine, remove: None, value: None, count: 0 }
    }

    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let bytes = packed::bytes_at(values, row);
            self.value = Some(match &self.value {
                Some(before) => (self.combine)(before, bytes)?,
                None => bytes.to_vec(),
            });
            self.count += 1;
        }
        Ok(())
    }

    fn scalar(&self) -> Result<ScalarValue> {
        let value = self.value.clone().filter(|_| self.count > 0);
        Ok(match &self.ty {
            DataType::FixedSizeBinary(width) => ScalarValue::FixedSizeBinary(*width, value),
            _ => ScalarValue::LargeBinary(value),
        })
    }
}

impl std::fmt::Debug for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fold").field("ty", &self.ty).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Accumulator for Fold {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(&states[0])
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = &values[0];
        let (Some(remove), Some(value)) = (&self.remove, &mut self.value) else { return Ok(()) };
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            *value = remove(value, packed::bytes_at(values, row))?;
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.remove.is_some()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.scalar()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.scalar()?])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.as_ref().map_or(0, Vec::capacity)
    }
}
