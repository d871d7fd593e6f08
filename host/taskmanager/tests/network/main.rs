//! The exchange between TaskManagers on real sockets: channel by channel, as jobs see it, and over
//! TLS. What holds for plain connections holds for those of TLS, and is tested over both.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod certificates;
mod exchange;
mod tls;
mod two_executors;

use certificates::Over;

/// Runs each of these tests over plain connections and over TLS.
macro_rules! over_both {
    ($($name:ident)+) => {
        mod plain {
            $(#[test]
            fn $name() {
                super::$name(crate::Over::Plain);
            })+
        }
        mod over_tls {
            $(#[test]
            fn $name() {
                super::$name(crate::Over::Tls);
            })+
        }
    };
}
use over_both;
