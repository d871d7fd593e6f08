//! wit/metrics.wit: the guest's own metrics.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::MetricKindOut;
use crate::error::HostError;
use crate::host::{GuestMetric, MetricKind};
use crate::store::{Stop, StoreState};

type Store<'a> = StoreContextMut<'a, StoreState>;

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "declare",
        |mut store: Store<'_>, (operator, name, kind): (u32, String, MetricKindOut)| {
            let kind = match kind {
                MetricKindOut::Counter => MetricKind::Counter,
                MetricKindOut::Gauge => MetricKind::Gauge,
                MetricKindOut::Histogram => MetricKind::Histogram,
            };
            Ok((declare(store.data_mut(), operator, name, kind),))
        },
    )?;
    functions.func_wrap("add", |store: Store<'_>, (id, amount): (u32, i64)| {
        match metric(&store, id)? {
            GuestMetric::Counter(add) => add(amount),
            other @ (GuestMetric::Gauge(_) | GuestMetric::Histogram(_)) => {
                return Err(mismatch(id, "add", other));
            }
        }
        Ok(())
    })?;
    functions.func_wrap("set", |store: Store<'_>, (id, value): (u32, f64)| {
        match metric(&store, id)? {
            GuestMetric::Gauge(set) => set(value),
            other @ (GuestMetric::Counter(_) | GuestMetric::Histogram(_)) => {
                return Err(mismatch(id, "set", other));
            }
        }
        Ok(())
    })?;
    functions.func_wrap("observe", |store: Store<'_>, (id, value): (u32, f64)| {
        match metric(&store, id)? {
            GuestMetric::Histogram(observe) => observe(value),
            other @ (GuestMetric::Counter(_) | GuestMetric::Gauge(_)) => {
                return Err(mismatch(id, "observe", other));
            }
        }
        Ok(())
    })
}

fn declare(
    data: &mut StoreState,
    operator: u32,
    name: String,
    kind: MetricKind,
) -> Result<u32, String> {
    let key = (operator, name);
    if let Some(id) = data.metric_names.get(&key) {
        let same = matches!(
            (&data.metrics[*id as usize], kind),
            (GuestMetric::Counter(_), MetricKind::Counter)
                | (GuestMetric::Gauge(_), MetricKind::Gauge)
                | (GuestMetric::Histogram(_), MetricKind::Histogram)
        );
        return match same {
            true => Ok(*id),
            false => Err(format!("metric {} exists with another kind", key.1)),
        };
    }
    if data.metrics.len() >= data.limits.declarations_max {
        return Err(format!("more than {} metrics declared", data.limits.declarations_max));
    }
    let metric = data.host().declare_metric(operator, &key.1, kind)?;
    let id = data.metrics.len() as u32;
    data.metrics.push(metric);
    data.metric_names.insert(key, id);
    Ok(id)
}

fn metric<'a>(store: &'a Store<'_>, id: u32) -> wasmtime::Result<&'a GuestMetric> {
    let unknown = || Stop::Host(HostError::UnknownId { what: "metric", id }).into();
    store.data().metrics.get(id as usize).ok_or_else(unknown)
}

fn mismatch(id: u32, function: &str, metric: &GuestMetric) -> wasmtime::Error {
    let message = format!("called metrics.{function} on metric {id}, which is a {metric:?}");
    Stop::Host(HostError::Failed(message)).into()
}
