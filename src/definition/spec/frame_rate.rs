//! Frame rates as users write them: text, or a number that is exact.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserializer, de};

use super::ranges::RATES;
use crate::base::timeline::Rate;

/// Frame rate as text: a whole number or a fraction.
const FRACTION: &str = "^[0-9]+(/[0-9]+)?$";
/// Numbers are accepted in multiples of 1/8, because a binary floating-point number represents these exactly.
const PARTS: u32 = 8;
/// Maximum distance from a whole number of an NTSC rate times 1.001. 29.97 times 1.001 is 29.99997, 23.98 times 1.001
/// is 24.004.
const ROUNDING: f64 = 0.006;
/// NTSC rates in use, times 1001/1000.
const NTSC: [u32; 5] = [24, 30, 48, 60, 120];

/// Deserializes a rate as text: `25` stays `25`, `12.5` becomes `25/2`. A number that is not exact stays as it is, and
/// [`problem`] explains it.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Visitor;

    impl de::Visitor<'_> for Visitor {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a fraction such as \"30000/1001\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
            Ok(exact(number).map_or_else(|| number.to_string(), |rate| rate.to_string()))
        }
    }

    deserializer.deserialize_any(Visitor)
}

/// JSON schema of what [`text`] accepts.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let (least, most) = (RATES.start(), RATES.end());
    let number = json_schema!({
        "type": "number",
        "minimum": least,
        "maximum": most,
        "multipleOf": 1.0 / f64::from(PARTS),
    });
    json_schema!({"anyOf": [{"type": "string", "pattern": FRACTION}, number]})
}

/// Error text for an invalid rate. For a decimal number it suggests the fraction that was probably meant.
pub(super) fn problem(text: &str) -> String {
    let allowed =
        format!("must be a whole number or a fraction such as 30000/1001, {} to {}", RATES.start(), RATES.end());
    let Some(number) = text.parse().ok().filter(|number: &f64| *number > 0.0) else {
        return format!("{allowed}; not {text:?}");
    };
    if let Some(rate) = exact(number) {
        return format!("{allowed}; for {text} write \"{rate}\"");
    }
    match NTSC.iter().find(|ntsc| (number * 1.001 - f64::from(**ntsc)).abs() < ROUNDING) {
        Some(ntsc) => format!("{text} is not a fraction of whole numbers; for NTSC write \"{ntsc}000/1001\""),
        None => format!("{allowed}; not {text}"),
    }
}

fn exact(number: f64) -> Option<Rate> {
    let parts = number * f64::from(PARTS);
    let is_exact = parts.fract() == 0.0 && parts >= 1.0 && parts <= f64::from(u32::MAX);
    if is_exact { Rate::new(parts as u32, PARTS) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::definition::spec::{StreamRequest, StreamSpec};

    fn read(fps: &Value) -> Result<String, String> {
        let request: StreamRequest = serde_json::from_value(
            json!({"name": "a", "fps": fps, "segment_frames": 48, "chunk_frames": 8, "window_seconds": 60}),
        )
        .unwrap();
        StreamSpec::try_from(request).map(|spec| spec.timeline.rate().to_string()).map_err(|error| {
            assert_eq!(error.field, "fps");
            error.problem
        })
    }

    #[test]
    fn an_exact_number_is_accepted() {
        for (fps, rate) in [(json!(30), "30"), (json!(30.0), "30"), (json!(12.5), "25/2"), (json!("25/2"), "25/2")] {
            assert_eq!(read(&fps), Ok(rate.to_owned()), "{fps}");
        }
        let toml: StreamRequest = toml::from_str("name = 'a'\nfps = 30").unwrap();
        assert_eq!(
            (toml.fps.as_str(), toml::from_str::<StreamRequest>("fps = 12.5").unwrap().fps),
            ("30", "25/2".into())
        );
    }

    #[test]
    fn an_inexact_number_is_refused_with_the_fraction_that_was_meant() {
        for (fps, meant) in [
            (json!(29.97), "30000/1001"),
            (json!("29.97"), "30000/1001"),
            (json!(59.94), "60000/1001"),
            (json!(23.976), "24000/1001"),
            (json!(23.98), "24000/1001"),
            (json!("25.0"), "25"),
            (json!("12.5"), "25/2"),
        ] {
            let problem = read(&fps).unwrap_err();
            assert!(problem.ends_with(&format!("write \"{meant}\"")), "{problem}");
        }
        assert_eq!(
            read(&json!(29.97)).unwrap_err(),
            "29.97 is not a fraction of whole numbers; for NTSC write \"30000/1001\""
        );
        for fps in [
            json!(25.1),
            json!(24.97),
            json!(-25),
            json!(0),
            json!(0.1),
            json!(1e30),
            json!("fast"),
            json!("inf"),
            json!("NaN"),
        ] {
            let problem = read(&fps).unwrap_err();
            assert!(problem.contains("1 to 120"), "{fps}: {problem}");
        }
    }
}
