//! Patches of MPDs (ISO/IEC 23009-1 5.15).

use crate::inspect::mpd::{Element, difference, patched};
use crate::inspect::rules::{Report, Violation};

/// Checks a patch with its status, requested for the MPD `old` after the server has sent the MPD `new`. The patch may lead to a later
/// MPD.
pub fn check_patch(old: &str, new: &str, (status, patch): (u16, &str)) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("D18", status == 200, || format!("status {status} for the patch of an MPD within its ttl"));
    let (Ok(old), Ok(new), true) = (Element::parse(old), Element::parse(new), status == 200) else { return report.0 };
    let patch = match Element::parse(patch) {
        Ok(patch) => patch,
        Err(error) => {
            report.demand("D18", false, || format!("the patch cannot be read: {error}"));
            return report.0;
        }
    };
    report.demand("D18", patch.name == "Patch", || format!("the root element of the patch is {}", patch.name));
    for (name, of_patch, of_mpd) in [
        ("mpdId", patch.get("mpdId"), old.get("id")),
        ("originalPublishTime", patch.get("originalPublishTime"), old.get("publishTime")),
    ] {
        report.demand("D18", of_patch.is_some() && of_patch == of_mpd, || {
            let [of_patch, of_mpd] = [of_patch, of_mpd].map(|value| value.unwrap_or("missing"));
            format!("{name} of the patch is {of_patch}, and the MPD has {of_mpd}")
        });
    }
    match patched(&old, &patch) {
        Err(error) => report.demand("D18", false, || error),
        Ok(Some(made)) => {
            let published = made.get("publishTime");
            report.demand("D18", published == patch.get("publishTime"), || {
                let [made, stated] = [published, patch.get("publishTime")].map(|value| value.unwrap_or("missing"));
                format!("publishTime of the patched MPD is {made}, and the patch states {stated}")
            });
            let differs = difference(&made, &new).filter(|_| published == new.get("publishTime"));
            report.demand("D18", differs.is_none(), || {
                format!("the patched MPD differs from the new MPD in {}", differs.unwrap_or_default())
            });
        }
        Ok(None) => {}
    }
    report.0
}
