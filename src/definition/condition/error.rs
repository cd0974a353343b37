//! Reasons why a set of conditions is refused.

use super::MAX_CONDITIONS;
use super::value::Value;
use crate::base::format::Format;

/// Letters of a client's text that a message repeats.
const MAX_SHOWN: usize = 64;

/// Why conditions are refused. The text of an error contains the allowed names or values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// There is no such condition.
    #[error("there is no condition {name}; {advice}")]
    Unknown {
        /// The name, cut to a length that can be shown.
        name: String,
        /// The nearest name, or all names.
        advice: String,
    },
    /// The value is missing, or not allowed.
    #[error("{name} {}, not {value:?}", .allowed.rule())]
    BadValue {
        /// Name of the condition.
        name: &'static str,
        /// The value, cut to a length that can be shown.
        value: String,
        /// What is allowed.
        allowed: &'static Value,
    },
    /// The value is not possible for this stream.
    #[error("{name} must be {allowed} for this stream and format, not {value}")]
    Impossible {
        /// Name of the condition.
        name: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A condition occurs twice.
    #[error("{name} occurs twice; remove one")]
    Twice {
        /// Name of the condition.
        name: &'static str,
    },
    /// Two conditions contradict each other.
    #[error("{name} and {other} exclude each other; remove one")]
    Excluded {
        /// Name of the condition.
        name: &'static str,
        /// The other condition.
        other: &'static str,
    },
    /// The presentation would end before it begins, or be too long.
    #[error("until must be {allowed}, not {until}")]
    WrongEnd {
        /// What is allowed.
        allowed: String,
        /// Value of `until`.
        until: String,
    },
    /// There are more conditions than allowed.
    #[error("there are more than {MAX_CONDITIONS} conditions; remove some")]
    TooMany,
    /// The format has no property that the condition could change.
    #[error("{name} does not apply to {}, only to {}", .format.title(), Format::titles(.formats))]
    WrongFormat {
        /// Name of the condition.
        name: &'static str,
        /// The format that was requested.
        format: Format,
        /// The formats to which it applies.
        formats: &'static [Format],
    },
    /// A fault has no such parameter.
    #[error("{name} has no parameter {parameter:?}; {advice}")]
    UnknownParameter {
        /// Name of the fault.
        name: &'static str,
        /// Name of the parameter, cut to a length that can be shown.
        parameter: String,
        /// The nearest name, or all names.
        advice: String,
    },
    /// The value of a parameter is missing, or not allowed.
    #[error("{parameter} of {name} must be {allowed}, not {value:?}")]
    BadParameter {
        /// Name of the fault.
        name: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value, cut to a length that can be shown.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A parameter occurs twice.
    #[error("{parameter} of {name} occurs twice; remove one")]
    ParameterTwice {
        /// Name of the fault.
        name: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// A parameter needs another one.
    #[error("{parameter} of {name} needs {needed}")]
    Alone {
        /// Name of the fault.
        name: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The other parameter.
        needed: &'static str,
    },
    /// Two parameters contradict each other.
    #[error("{parameter} of {name} contradicts {other}: {why}")]
    Contradiction {
        /// Name of the fault.
        name: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The other parameter.
        other: String,
        /// Why they contradict each other.
        why: &'static str,
    },
    /// The format has none of the resources that a fault is on.
    #[error("{name} on {on} does not apply to {}, only to {}", .format.title(), Format::titles(.formats))]
    WrongFormatOn {
        /// Name of the fault.
        name: &'static str,
        /// The resources.
        on: &'static str,
        /// The format that was requested.
        format: Format,
        /// The formats that have them.
        formats: &'static [Format],
    },
}

impl ConditionError {
    /// Name of the condition that is wrong, if it is a single one.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Self::Unknown { name, .. } => Some(name),
            Self::BadValue { name, .. }
            | Self::Impossible { name, .. }
            | Self::Twice { name }
            | Self::Excluded { name, .. }
            | Self::WrongFormat { name, .. }
            | Self::UnknownParameter { name, .. }
            | Self::BadParameter { name, .. }
            | Self::ParameterTwice { name, .. }
            | Self::Alone { name, .. }
            | Self::Contradiction { name, .. }
            | Self::WrongFormatOn { name, .. } => Some(name),
            Self::WrongEnd { .. } => Some("until"),
            Self::TooMany => None,
        }
    }
}

/// The beginning of a text, which a client may have sent in any length.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
