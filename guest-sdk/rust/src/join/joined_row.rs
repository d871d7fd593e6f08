//! Rows of a join whose results may be taken back: Flink's changelog.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// What a row of a changelog does to the rows before it. Source: Flink, `RowKind`.
///
/// ```
/// use sandbar_sdk::join::RowKind;
///
/// assert_eq!(RowKind::Delete.to_string(), "-D");
/// assert!(RowKind::Insert.is_addition() && !RowKind::Delete.is_addition());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowKind {
    /// Adds a row.
    Insert,
    /// Takes back a row that an [`RowKind::UpdateAfter`] will replace.
    UpdateBefore,
    /// Adds the row that replaces another.
    UpdateAfter,
    /// Takes back a row.
    Delete,
}

impl RowKind {
    /// Whether it adds a row rather than taking one back.
    pub fn is_addition(self) -> bool {
        matches!(self, RowKind::Insert | RowKind::UpdateAfter)
    }
}

impl Display for RowKind {
    /// Writes Flink's short form: `+I`, `-U`, `+U`, `-D`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RowKind::Insert => "+I",
            RowKind::UpdateBefore => "-U",
            RowKind::UpdateAfter => "+U",
            RowKind::Delete => "-D",
        })
    }
}

/// A result of a join that may be taken back: by a later row of kind [`RowKind::Delete`] with the
/// same sides, which cancels one earlier row of kind [`RowKind::Insert`]. Who adds the one kind and
/// removes the other holds the join of all records so far, after each record.
///
/// ```
/// use sandbar_sdk::join::{JoinedRow, RowKind};
///
/// let row = JoinedRow { kind: RowKind::Insert, left: Some("sand"), right: None::<u32> };
/// assert_eq!(row.to_string(), "+I[sand, null]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JoinedRow<Left, Right> {
    /// Whether the row is added or taken back.
    pub kind: RowKind,
    /// The record of the left input; none in a row of a right outer join that lacks it.
    pub left: Option<Left>,
    /// The record of the right input; none in a row of a left outer join that lacks it.
    pub right: Option<Right>,
}

impl<Left: Display, Right: Display> Display for JoinedRow<Left, Right> {
    /// Writes it as Flink prints a row.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: Option<&dyn Display>| side.map_or("null".to_owned(), |it| it.to_string());
        let left = side(self.left.as_ref().map(|left| left as &dyn Display));
        let right = side(self.right.as_ref().map(|right| right as &dyn Display));
        write!(f, "{}[{left}, {right}]", self.kind)
    }
}
