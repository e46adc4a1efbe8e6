//! How days, times, amounts, numbers of the ledger and words are read from their columns. What no column should hold is
//! an error that names the column: [`StoreError::Corrupt`](super::StoreError).

use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Type};

use crate::ledger::{Class, LedgerNo, Reason};
use crate::notice::NoticeKind;
use crate::reconcile::{ActKind, Decision, DecisionState, Subject};
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, Dong, TimeMs};

macro_rules! read_from_column {
    ($column:ty: $($type:ident by $read:expr,)*) => {$(
        impl<DB: Database> Type<DB> for $type
        where
            $column: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$column as Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <$column as Type<DB>>::compatible(info)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $type
        where
            $column: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<$type, BoxDynError> {
                let read: fn(&$column) -> Option<$type> = $read;
                let column = <$column as Decode<'r, DB>>::decode(value)?;
                read(&column).ok_or_else(|| format!("«{column}» is no {}", stringify!($type)).into())
            }
        }
    )*};
}

read_from_column! {
    i64:
    Day by |number| Day::from_number(*number),
    TimeMs by |ms| Some(TimeMs(*ms)),
    Dong by |vnd| Some(Dong::new(*vnd)),
    LedgerNo by |number| Some(LedgerNo::of(*number)),
    Class by |number| Class::ALL.into_iter().find(|class| *class as i64 == *number),
}

read_from_column! {
    String:
    ActKind by |word| ActKind::parse(word),
    Decision by |word| Decision::parse(word),
    DecisionState by |word| DecisionState::parse(word),
    RowKind by |word| RowKind::parse(word),
    RowStatus by |word| RowStatus::parse(word),
    Subject by |text| Subject::parse(text),
    NoticeKind by |word| NoticeKind::ALL.into_iter().find(|kind| kind.as_str() == word),
    Reason by |word| Reason::ALL.into_iter().find(|reason| reason.as_str() == word),
}
