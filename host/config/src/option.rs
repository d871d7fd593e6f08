//! One option: its key, type, default and doc, and the macro that declares a table of them.

use std::marker::PhantomData;

use crate::value::ConfigValue;

/// What is known of an option whatever its type: for lists and for checks.
#[derive(Clone, Copy, Debug)]
pub struct OptionEntry {
    /// Its key; Flink's if Flink has the option.
    pub key: &'static str,
    /// Its default as a user would write it; none when the option is off unless set.
    pub default: Option<&'static str>,
    /// The name of its type, such as `duration`.
    pub type_name: &'static str,
    doc: &'static str,
    /// Older names, accepted in its place.
    pub aliases: &'static [&'static str],
    /// Whether the runtime acts on it; if not, it is accepted and not yet in effect.
    pub in_effect: bool,
    /// What a value must look like, to go after "expected".
    pub expected: &'static str,
    /// Whether it may have no value at all. Invariant: true where there is no default.
    pub is_optional: bool,
    accepts: fn(&str) -> bool,
}

impl OptionEntry {
    /// The option's doc: sentences.
    pub fn doc(&self) -> &'static str {
        self.doc.trim_start()
    }

    /// Whether a text is a value of the option's type.
    pub fn accepts(&self, value: &str) -> bool {
        (self.accepts)(value)
    }
}

/// An option with values of type `T`. `T` is an [`Option`] where nothing is a possible value.
#[derive(Debug)]
pub struct ConfigOption<T> {
    info: OptionEntry,
    value_type: PhantomData<fn() -> T>,
}

impl<T: ConfigValue> ConfigOption<T> {
    /// The option's key.
    pub fn key(&self) -> &'static str {
        self.info.key
    }

    /// What is known of the option whatever its type.
    pub fn info(&self) -> &OptionEntry {
        &self.info
    }

    /// The value of an option that nobody set.
    pub fn default_value(&self) -> T {
        match self.info.default {
            Some(text) => T::parse(text).expect("a test parses every default"),
            None => T::absent().expect("only an option of an optional type has no default"),
        }
    }
}

impl<T: ConfigValue> ConfigOption<T> {
    pub(crate) const fn new(
        key: &'static str,
        default: Option<&'static str>,
        doc: &'static str,
    ) -> ConfigOption<T> {
        let info = OptionEntry {
            key,
            default,
            type_name: T::TYPE_NAME,
            doc,
            aliases: &[],
            in_effect: true,
            expected: T::EXPECTED,
            is_optional: T::IS_OPTIONAL,
            accepts: accepts::<T>,
        };
        ConfigOption { info, value_type: PhantomData }
    }

    pub(crate) const fn also(mut self, aliases: &'static [&'static str]) -> ConfigOption<T> {
        self.info.aliases = aliases;
        self
    }

    pub(crate) const fn not_yet_in_effect(mut self) -> ConfigOption<T> {
        self.info.in_effect = false;
        self
    }
}

fn accepts<T: ConfigValue>(text: &str) -> bool {
    T::parse(text).is_some()
}

/// Declares a table of options as statics, and `ALL`, the list of them in the same order:
/// `NAME: Type = "key", default "value", also ["older.key"] => not_yet_in_effect;`, where all
/// after the key may be left out. The doc comment is the option's doc too.
macro_rules! options {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $value:ty = $key:literal
            $(, default $default:literal)?
            $(, also $aliases:tt)?
            $(=> $effect:ident)?;
    )+) => {
        $(
            $(#[doc = $doc])+
            pub static $name: $crate::option::ConfigOption<$value> =
                $crate::option::ConfigOption::new(
                    $key,
                    $crate::option::default_text!($($default)?),
                    concat!($($doc),+),
                )
                $(.also(&$aliases))?
                $(.$effect())?;
        )+

        /// The options of this table, in its order.
        pub(super) fn all() -> Vec<&'static $crate::option::OptionEntry> {
            vec![$($name.info()),+]
        }
    };
}

macro_rules! default_text {
    () => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}

pub(crate) use {default_text, options};
