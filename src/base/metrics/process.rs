//! Metrics of the process under the names that Prometheus clients share, read from `/proc` at each scrape.

use std::fmt;

use procfs::process::{LimitValue, Process};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Collects metrics from `/proc/self`. A value that cannot be read is left out.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut write = |name: &str, help: &str, unit: Option<Unit>, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, unit.as_ref(), metric.metric_type())?)
        };
        let Ok(process) = Process::myself() else { return Ok(()) };
        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            let cpu = ConstCounter::new((stat.utime + stat.stime) as f64 / ticks);
            write("process_cpu", "CPU time of the process, user and system", Some(Unit::Seconds), &cpu)?;
            let resident = ConstGauge::new((stat.rss * procfs::page_size()) as i64);
            write("process_resident_memory", "Resident memory", Some(Unit::Bytes), &resident)?;
            let virtual_memory = ConstGauge::new(stat.vsize as i64);
            write("process_virtual_memory", "Virtual memory", Some(Unit::Bytes), &virtual_memory)?;
            write("process_threads", "Threads", None, &ConstGauge::new(stat.num_threads))?;
            if let Ok(boot) = procfs::boot_time_secs() {
                let start = ConstGauge::new(boot as f64 + stat.starttime as f64 / ticks);
                write("process_start_time", "Start of the process in Unix time", Some(Unit::Seconds), &start)?;
            }
        }
        if let Ok(open) = process.fd_count() {
            write("process_open_fds", "Open file descriptors", None, &ConstGauge::new(open as i64))?;
        }
        if let Ok(LimitValue::Value(most)) = process.limits().map(|limits| limits.max_open_files.soft_limit) {
            let most = ConstGauge::new(i64::try_from(most).unwrap_or(i64::MAX));
            write("process_max_fds", "Most file descriptors that may be open", None, &most)?;
        }
        Ok(())
    }
}
