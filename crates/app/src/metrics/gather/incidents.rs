//! How the incident room stands.

use super::Readings;
use crate::incidents::Standing;
use crate::metrics::Metric;

impl Readings {
    pub(super) fn incidents(&mut self, standing: &Standing) {
        for (severity, count) in &standing.open {
            self.level(Metric::IncidentsOpen, &[severity], *count as f64);
        }
        for (code, count) in &standing.opened {
            self.count(Metric::IncidentsOpened, &[code], *count);
        }
        for (mitigation, count) in &standing.measures {
            self.level(Metric::MeasuresOn, &[mitigation], *count as f64);
        }
        self.count(Metric::Diagnoses, &[], standing.diagnoses);
        for ((channel, result), count) in &standing.notices {
            self.count(Metric::Notices, &[channel, result], *count);
        }
    }
}
