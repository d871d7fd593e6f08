//! The Prometheus text format (version 0.0.4), with names and types as Flink's reporter has them:
//! `flink_<logical scope>_<name>`, scope variables as labels, counters as gauges and histograms as
//! summaries.
//!
//! Source: Flink, `docs/content/docs/deployment/metric_reporters.md`, `PrometheusReporter`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::histogram::HistogramSnapshot;
use crate::metric::MetricValue;
use crate::metric_group::{MetricSnapshot, Scope};

/// The `Content-Type` of what [`render`] returns.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// In front of all names.
const PREFIX: &str = "flink";

/// What Prometheus takes a metric for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Gauge,
    Summary,
}

/// Renders metrics. All samples of a name stand together; if a name has metrics of two kinds, the
/// summaries get the suffix `_histogram`.
pub fn render(metrics: &[MetricSnapshot]) -> String {
    let mut families: BTreeMap<(String, Kind), Vec<&MetricSnapshot>> = BTreeMap::new();
    for metric in metrics {
        let family = (name_of(metric), kind_of(&metric.value));
        families.entry(family).or_default().push(metric);
    }
    let mut text = String::new();
    for ((name, kind), samples) in &families {
        let has_other_kind = families.contains_key(&(name.clone(), Kind::Gauge));
        let name = match kind {
            Kind::Summary if has_other_kind => format!("{name}_histogram"),
            Kind::Gauge | Kind::Summary => name.clone(),
        };
        write_family(&mut text, &name, *kind, samples).expect("a String takes any text");
    }
    text
}

fn kind_of(value: &MetricValue) -> Kind {
    match value {
        MetricValue::Counter(_) | MetricValue::Gauge(_) => Kind::Gauge,
        MetricValue::Histogram(_) => Kind::Summary,
    }
}

fn name_of(metric: &MetricSnapshot) -> String {
    let parts = metric.scope.path.iter().chain([&metric.name]);
    let parts = parts.map(|part| only_name_characters(part));
    [PREFIX.to_string()].into_iter().chain(parts).collect::<Vec<_>>().join("_")
}

/// Names may have `[a-zA-Z0-9_:]`; everything else becomes `_`. The prefix takes care of a digit
/// at the start.
fn only_name_characters(text: &str) -> String {
    let is_allowed = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    text.chars().map(|letter| if is_allowed(&letter) { letter } else { '_' }).collect()
}

fn write_family(
    text: &mut String,
    name: &str,
    kind: Kind,
    samples: &[&MetricSnapshot],
) -> fmt::Result {
    let Some(first) = samples.first() else {
        return Ok(());
    };
    let path = first.scope.path.join("_");
    writeln!(text, "# HELP {name} {} (scope: {})", Help(&first.name), Help(&path))?;
    match kind {
        Kind::Gauge => writeln!(text, "# TYPE {name} gauge")?,
        Kind::Summary => writeln!(text, "# TYPE {name} summary")?,
    }
    for sample in samples {
        let scope = &sample.scope;
        match &sample.value {
            MetricValue::Counter(sum) => writeln!(text, "{name}{} {sum}", Labels(scope, None))?,
            MetricValue::Gauge(value) => {
                writeln!(text, "{name}{} {}", Labels(scope, None), Number(*value))?;
            }
            MetricValue::Histogram(histogram) => write_summary(text, name, scope, histogram)?,
        }
    }
    Ok(())
}

fn write_summary(
    text: &mut String,
    name: &str,
    scope: &Scope,
    histogram: &HistogramSnapshot,
) -> fmt::Result {
    let quantiles = [
        ("0.5", histogram.p50),
        ("0.75", histogram.p75),
        ("0.95", histogram.p95),
        ("0.98", histogram.p98),
        ("0.99", histogram.p99),
        ("0.999", histogram.p999),
    ];
    for (quantile, value) in quantiles {
        writeln!(text, "{name}{} {}", Labels(scope, Some(quantile)), Number(value))?;
    }
    writeln!(text, "{name}_sum{} {}", Labels(scope, None), Number(histogram.sum))?;
    writeln!(text, "{name}_count{} {}", Labels(scope, None), histogram.count)
}

/// A value; the format spells what is not finite in its own way.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            nan if nan.is_nan() => f.write_str("NaN"),
            finite => write!(f, "{finite}"),
        }
    }
}

/// The text of a help line: backslashes and line ends are escaped.
struct Help<'a>(&'a str);

impl fmt::Display for Help<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, false)
    }
}

/// The labels of a sample. Of two variables of one name the inner one counts.
struct Labels<'a>(&'a Scope, Option<&'static str>);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.0.variables.iter();
        let variables = variables.map(|(name, value)| (label_name(name), value.as_str()));
        let quantile = self.1.map(|quantile| ("quantile".to_string(), quantile));
        let labels: BTreeMap<String, &str> = variables.chain(quantile).collect();
        if labels.is_empty() {
            return Ok(());
        }
        for (index, (name, value)) in labels.iter().enumerate() {
            write!(f, "{}{name}=\"", if index == 0 { '{' } else { ',' })?;
            write_escaped(f, value, true)?;
            f.write_char('"')?;
        }
        f.write_char('}')
    }
}

/// Labels may have `[a-zA-Z0-9_]` and do not start with a digit or, as those are reserved, `__`.
fn label_name(variable: &str) -> String {
    let name = only_name_characters(variable).replace(':', "_");
    match name.as_bytes() {
        [b'0'..=b'9', ..] | [b'_', b'_', ..] | [] => format!("v{name}"),
        _ => name,
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, quoted: bool) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '"' if quoted => f.write_str("\\\"")?,
            other => f.write_char(other)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
