//! The first inputs of the fuzz targets: small valid ones, made of the job files of examples and
//! tests, and by the encoders whose decoders are fuzzed. Each target writes its own when it starts.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use sandbar_graph::{FileFormat, parse};
use sandbar_model::job_graph::{EdgeId, JobGraph};
use sandbar_model::status::ExecutionState;
use sandbar_model::{JobId, PluginId, RecordBatch, VertexId, Watermark};
use sandbar_rpc::grpc::encode;
use sandbar_rpc::message::{HeartbeatReport, Registration};
use sandbar_rpc::{
    Accumulators, FencingToken, JobInformation, PROTOCOL_VERSION, TaskAttempt, TaskDescriptor,
    TaskLocation, TaskManagerId, ToJobManager, ToTaskManager,
};
use sandbar_taskmanager::Compression;
use sandbar_taskmanager::element::StreamElement;
use sandbar_taskmanager::exchange::registry::ChannelId;
use sandbar_taskmanager::network::codec::{Encoder, Frame, encode_control};
use serde_json::json;

/// Inputs, or why they cannot be made.
pub type Seeds = Result<Vec<Vec<u8>>, Box<dyn Error>>;

/// Names the folder that inputs are written to; without it, none are.
const FOLDER: &str = "SANDBAR_FUZZ_SEEDS";

const JOB: JobId = JobId(1);

/// Writes the inputs that are made so into the folder of [`FOLDER`].
///
/// # Panics
/// When they cannot be made or written.
pub fn write(seeds: fn() -> Seeds) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    for (number, seed) in seeds().expect("the seeds can be made").iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{number}"));
        std::fs::write(path, seed).expect("seeds can be written");
    }
}

/// All job files under a folder.
fn job_files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            job_files(&path, found)?;
        } else if path.ends_with("job.toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// The texts of all job files, and the same in JSON.
fn job_texts() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in ["examples", "tests/jobs/cases", "host/graph/tests/golden"] {
        job_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &mut files)?;
    }
    let mut texts = Vec::new();
    for file in files {
        let toml = std::fs::read_to_string(&file)?;
        let parsed = parse(&toml, FileFormat::Toml, "job.toml");
        let (spec, _) = parsed.map_err(|errors| format!("{}: {errors:?}", file.display()))?;
        texts.push((toml, serde_json::to_string(&spec)?));
    }
    Ok(texts)
}

/// Job files: a byte for the format, then the text.
///
/// # Errors
/// A job file that cannot be read.
pub fn job_specs() -> Seeds {
    let prefixed = |format: u8, text: &str| [&[format], text.as_bytes()].concat();
    let texts = job_texts()?;
    let both = texts.iter().flat_map(|(toml, json)| [prefixed(0, toml), prefixed(1, json)]);
    Ok(both.collect())
}

/// Requests to the REST API.
///
/// # Errors
/// A job file that cannot be read.
pub fn requests() -> Seeds {
    let id = "00000000000000000000000000000001";
    let plugin = "07".repeat(32);
    let mut seeds: Vec<String> = [
        "GET /config",
        "GET /overview",
        "GET /openapi.json",
        "GET /jobs",
        "GET /jobs/overview",
        "GET /jobs/ID",
        "GET /jobs/ID/exceptions?maxExceptions=3",
        "GET /jobs/ID/vertices/ID",
        "GET /jobs/ID/vertices/ID/subtasks/0/attempts/1",
        "GET /jobs/ID/metrics?get=a,b",
        "GET /jobs/ID/vertices/ID/metrics?get=0.numRecordsIn",
        "GET /jobs/ID/checkpoints",
        "GET /taskmanagers",
        "GET /taskmanagers/tm-1/log",
        "GET /plugins",
        "GET /jobmanager/config",
        "PATCH /jobs/ID?mode=cancel",
        "DELETE /plugins/PLUGIN",
        "HEAD /jobs",
        "OPTIONS /jobs",
        "GET /v1/jobs/ID/plan",
        "GET /plugins/PLUGIN/plan?programArg=a,b&parallelism=2",
    ]
    .iter()
    .map(|line| line.replace("ID", id).replace("PLUGIN", &plugin))
    .collect();
    for (_, spec) in job_texts()?.iter().take(6) {
        let plugins = json!({ "p": plugin });
        let spec: serde_json::Value = serde_json::from_str(spec)?;
        let body = json!({ "spec": spec, "plugins": plugins, "arguments": ["a"],
            "configuration": { "parallelism.default": "2" }, "baseFolder": null });
        seeds.push(format!("POST /jobs\n{body}"));
    }
    let run = json!({ "programArgsList": ["a", "b"], "parallelism": 2,
        "flinkConfiguration": { "a": "b" } });
    seeds.push(format!("POST /plugins/{plugin}/run\n{run}"));
    seeds.push(format!("POST /plugins/{plugin}/plan\n{run}"));
    seeds.push(
        "POST /plugins/upload multipart/form-data; boundary=x\n--x\r\ncontent-disposition: \
         form-data; name=\"plugin\"; filename=\"a.wasm\"\r\n\r\n\0asm\r\n--x--\r\n"
            .to_owned(),
    );
    Ok(seeds.into_iter().map(String::into_bytes).collect())
}

fn attempt() -> TaskAttempt {
    TaskAttempt { job: JOB, vertex: VertexId(0), subtask: 1, attempt: 2 }
}

/// Messages of JobManager and TaskManagers: a byte for the direction, then the message.
///
/// # Errors
/// A message that does not encode.
pub fn messages() -> Seeds {
    let metrics = BTreeMap::from([("numRecordsIn".to_owned(), 0.5)]);
    let (task, plugin) = (attempt(), PluginId([7; 32]));
    let up = [
        ToJobManager::Register(Registration {
            protocol: PROTOCOL_VERSION,
            id: TaskManagerId("tm".to_owned()),
            instance: 1,
            data_address: "host:1".to_owned(),
            slots: 2,
            managed_memory_bytes: 1 << 20,
            guest_memory_bytes: 1 << 20,
            cpu_cores: 4,
        }),
        ToJobManager::Heartbeat(HeartbeatReport {
            sequence: 3,
            tasks: vec![(task, metrics.clone())],
            process: metrics.clone(),
        }),
        ToJobManager::TaskState {
            task,
            state: ExecutionState::Failed,
            error: Some("why".to_owned()),
            metrics,
            accumulators: Accumulators::of([("rows".to_owned(), 7)]),
        },
        ToJobManager::NextSplit { request: 1, task },
        ToJobManager::SourceWatermark { task, watermark: -1 },
        ToJobManager::FetchPlugin { request: 2, plugin },
        ToJobManager::Log { request: 3, text: "line\n".to_owned() },
    ];
    let down = [
        ToTaskManager::Registered { token: FencingToken(1), heartbeat_timeout_ms: 50_000 },
        ToTaskManager::Refused("why".to_owned()),
        ToTaskManager::Heartbeat { sequence: 1 },
        deployment(),
        ToTaskManager::Cancel(vec![task]),
        ToTaskManager::Release(JOB),
        ToTaskManager::Split { request: 1, split: Ok(Some("{}".to_owned())) },
        ToTaskManager::Plugin { request: 2, bytes: Ok(vec![0, 1, 2].into()) },
        ToTaskManager::AlignSource { task, max_watermark: i64::MAX },
        ToTaskManager::ReadLog { request: 3 },
        ToTaskManager::Shutdown,
    ];
    let mut seeds = Vec::new();
    for message in &up {
        let mut seed = vec![0];
        encode(message, &mut seed)?;
        seeds.push(seed);
    }
    for message in &down {
        let mut seed = vec![1];
        encode(message, &mut seed)?;
        seeds.push(seed);
    }
    Ok(seeds)
}

fn deployment() -> ToTaskManager {
    let vertex = json!({
        "id": 0, "name": "v", "parallelism": 1, "max-parallelism": 128,
        "slot-sharing-group": "default",
        "operators": [{
            "uid": "lines", "name": "lines", "on-error": "fail", "dead-letter-output": null,
            "body": { "source": { "name": "files", "options": { "a": [1, null, { "x": 0.5 }] } } },
            "outputs": [{ "name": "main", "targets": [{ "edge": 0 }] }],
        }],
    });
    let edge = json!({ "id": 0, "source": 0, "target": 0, "input": 0, "partitioner": "hash" });
    let graph = json!({ "name": "job", "configuration": { "a": "b" }, "arguments": ["c"],
        "vertices": [vertex], "edges": [edge] });
    let graph: JobGraph = serde_json::from_value(graph).expect("it is a graph");
    let plugins = BTreeMap::from([("self".to_owned(), PluginId([7; 32]))]);
    let job = JobInformation { job: JOB, graph, plugins, base_folder: Some("in".to_owned()) };
    let (vertex, subtask, attempt) = (VertexId(0), 0, 0);
    ToTaskManager::Deploy {
        job: Box::new(job),
        tasks: vec![TaskDescriptor { vertex, subtask, attempt, slot: 1 }],
        locations: vec![TaskLocation {
            vertex,
            subtask,
            attempt,
            task_manager: TaskManagerId("tm".to_owned()),
            data_address: "host:1".to_owned(),
        }],
    }
}

/// Connections: a byte for the mode, then frames, or what frames are made of.
///
/// # Errors
/// A frame that does not encode.
pub fn frames() -> Seeds {
    let mut batch = RecordBatch::new();
    batch.push_keyed(5, b"key", b"value");
    batch.push_keyed(6, b"", &b"long ".repeat(40));
    let channel = ChannelId { job: JOB, attempt: 0, edge: EdgeId(0), from: 0, to: 1 };
    let mut seeds = Vec::new();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let mut bytes = vec![1];
        let mut encoder = Encoder::new(compression, 1 << 16);
        encode_control(&mut bytes, &Frame::Open { stream: 1, channel, capacity: 16 })?;
        for element in [
            StreamElement::Batch(Box::new(batch.clone())),
            StreamElement::Refused(Box::new(batch.clone())),
            StreamElement::Watermark(Watermark(7)),
            StreamElement::EndOfInput,
        ] {
            encoder.element(&mut bytes, 1, &element)?;
        }
        seeds.push(as_payloads(&bytes));
        seeds.push(bytes);
    }
    for control in [
        Frame::Hello { task_manager: "a".into(), token: "b".into(), compression: Compression::Lz4 },
        Frame::Welcome { task_manager: "a".into(), frame_bytes_max: 1 << 16 },
        Frame::Refusal { reason: "why".into() },
        Frame::Credit(Vec::new()),
        Frame::Close { stream: 1 },
        Frame::Fail { stream: 1, reason: "why".into() },
    ] {
        let mut bytes = vec![1];
        encode_control(&mut bytes, &control)?;
        seeds.push(as_payloads(&bytes));
        seeds.push(bytes);
    }
    Ok(seeds)
}

/// The same frames for the mode in which the target makes the headers.
fn as_payloads(bytes: &[u8]) -> Vec<u8> {
    const HEADER: usize = sandbar_taskmanager::network::frame::HEADER_BYTES;
    let mut seed = vec![0];
    let mut rest = &bytes[1..];
    while rest.len() >= HEADER {
        let length = u32::from_le_bytes([rest[12], rest[13], rest[14], rest[15]]);
        let payload = &rest[HEADER..HEADER + length as usize];
        let [low, high, ..] = length.to_le_bytes();
        // Kinds are numbered from 1 on the wire, and from 0 in the target.
        seed.extend_from_slice(&[rest[5] - 1, rest[6], rest[8], low, high]);
        seed.extend_from_slice(payload);
        rest = &rest[HEADER + length as usize..];
    }
    seed
}
