//! Tests of a component's exports, called natively as the host calls them.

use super::*;
use crate::bindings::exports::sandbar::operator::plugin::OperatorKind;
use crate::prelude::{Collector, FileSource, PrintSink, Text};
use crate::stream::StreamExecutionEnvironment;

struct Words;

impl Plugin for Words {
    const NAME: &'static str = "words";
    const VERSION: &'static str = "1.2.3";

    fn register(plugin: &mut PluginBuilder) {
        plugin.map("shout", |word: String| word.to_uppercase()).input(Text).output(Text).doc("Up.");
    }
}

struct NoFormat;

impl Plugin for NoFormat {
    const NAME: &'static str = "no-format";
    const VERSION: &'static str = "1.2.3";

    fn register(plugin: &mut PluginBuilder) {
        plugin.map("shout", |word: String| word.to_uppercase()).input(Text);
    }
}

struct WordCount;

impl Job for WordCount {
    const NAME: &'static str = "word-count";
    const VERSION: &'static str = "0.1.0";

    fn define(env: &mut StreamExecutionEnvironment, arguments: &[String]) -> Result<(), Error> {
        let path = arguments.first().ok_or_else(|| Error::fatal("give the path of a text"))?;
        env.from_source(FileSource::text(path), "lines")
            .flat_map(|line, out: &mut Collector<String>| {
                line.split(' ').for_each(|word| out.collect(word.to_owned()));
            })
            .key_by(|word| word.clone())
            .count()
            .sink_to(PrintSink::text());
        Ok(())
    }
}

fn chained(operator: &str, outputs: Vec<Vec<OutputTarget>>) -> WitChained {
    WitChained {
        operator: operator.to_owned(),
        uid: operator.to_owned(),
        name: operator.to_owned(),
        config: String::new(),
        arguments: vec!["input.txt".to_owned()],
        outputs,
        partitions: 0,
    }
}

fn one_record(key: &[u8], value: &[u8]) -> Batch {
    Batch {
        timestamps: vec![0],
        key_ends: if key.is_empty() { Vec::new() } else { vec![key.len() as u32] },
        keys: key.to_vec(),
        value_ends: vec![value.len() as u32],
        values: value.to_vec(),
    }
}

#[test]
fn a_plugin_describes_its_operators() {
    let description = PluginComponent::<Words>::describe(Vec::new()).unwrap();
    assert_eq!((&*description.name, &*description.version), ("words", "1.2.3"));
    assert_eq!(description.contract, "0.1.0");
    let shout = &description.operators[0];
    assert_eq!((&*shout.name, &*shout.doc), ("shout", "Up."));
    assert_eq!(shout.kind, OperatorKind::Process);
    assert_eq!((&*shout.inputs[0].name, &*shout.inputs[0].format), ("main", "text"));
}

#[test]
fn a_plugin_that_forgets_a_format_is_told_which() {
    let why = PluginComponent::<NoFormat>::describe(Vec::new()).unwrap_err();
    let expected = "output 'main' of operator 'shout' has no format: give it one, such as \
                    .output(Text)";
    assert_eq!(why, expected);
}

#[test]
fn a_job_is_defined_described_and_run_from_the_same_builder() {
    let arguments = vec!["input.txt".to_owned()];
    let spec = JobComponent::<WordCount>::define(arguments.clone()).unwrap();
    let description = JobComponent::<WordCount>::describe(arguments).unwrap();
    for operator in &description.operators {
        assert!(spec.contains(&format!("\"{}\"", operator.name)), "{}", operator.name);
    }
    let chain = vec![
        chained("flat-map-1", vec![vec![OutputTarget::Chained(1)]]),
        chained("key-selector-2", vec![vec![OutputTarget::External(0)]]),
    ];
    JobComponent::<WordCount>::open(chain).unwrap();
    JobComponent::<WordCount>::process(0, one_record(b"", b"a b a")).unwrap();
    JobComponent::<WordCount>::on_watermark(7).unwrap();
    JobComponent::<WordCount>::before_checkpoint(1).unwrap();
    JobComponent::<WordCount>::finish().unwrap();
    JobComponent::<WordCount>::close().unwrap();
    let count = chained("keyed-count-3", vec![vec![OutputTarget::External(0)]]);
    JobComponent::<WordCount>::open(vec![count]).unwrap();
    JobComponent::<WordCount>::process(0, one_record(b"a", &[1, b'a'])).unwrap();
    let endless = Batch { key_ends: Vec::new(), ..one_record(b"a", &[1, b'a']) };
    let keyless = JobComponent::<WordCount>::process(0, endless);
    assert!(matches!(keyless, Err(WitError::Fatal(why)) if why.contains("0 keys for 1 records")));
    let bad = JobComponent::<WordCount>::process(0, one_record(b"a", &[200]));
    assert!(matches!(bad, Err(WitError::BadRecord(BadRecord { operator: 0, index: 0, .. }))));
}

#[test]
fn a_job_that_cannot_be_built_says_why() {
    let why = JobComponent::<WordCount>::define(Vec::new()).unwrap_err();
    assert_eq!(why, "give the path of a text");
}

#[test]
fn calls_before_open_are_refused() {
    let unopened = std::thread::spawn(PluginComponent::<Words>::finish).join().unwrap();
    assert!(matches!(unopened, Err(WitError::Fatal(why)) if why == "the instance was not opened"));
}
