//! How a reader gets a stream: in which format, over which edges. Streams of several formats are
//! converted to the plugin's own by an operator each.

use std::rc::Rc;

use super::{DataStream, From, OperatorSpec, Part, encoding};
use crate::chain::erased::{CodecOf, ErasedDecoder, ErasedEncoder};
use crate::codec::{Compact, Data, Format};
use crate::operator::definition::OperatorKind;
use crate::operator::simple;
use crate::stream::graph::{Edge, Encoding};
use crate::stream::source::SourceCodec;

/// A stream as an operator reads it.
pub(crate) struct Consumed {
    pub(crate) edges: Vec<Edge>,
    pub(crate) format: String,
    pub(crate) decoder: Rc<dyn ErasedDecoder>,
}

impl Consumed {
    /// The same edges for another reader.
    pub(crate) fn copy(&self) -> Consumed {
        Consumed {
            edges: self.edges.clone(),
            format: self.format.clone(),
            decoder: Rc::clone(&self.decoder),
        }
    }
}

impl<T: Data> DataStream<T> {
    /// Edges for an operator of the plugin.
    pub(crate) fn consume(&self) -> Consumed {
        match self.given_codec() {
            Some(codec) => Consumed {
                edges: self.parts.iter().map(fixed_edge).collect(),
                format: codec.format.clone(),
                decoder: Rc::clone(&codec.decoder),
            },
            None => {
                let compact = encoding::<T>(Compact);
                Consumed {
                    edges: self.edges_in(&compact.format, &compact.encoder),
                    format: Format::<T>::format(&Compact),
                    decoder: Rc::new(CodecOf::<T, Compact>::new(Compact)),
                }
            }
        }
    }

    /// The codec of a stream that is read as it is given: all its parts come from outside the
    /// plugin and in one format.
    pub(crate) fn given_codec(&self) -> Option<&SourceCodec<T>> {
        let mut codecs = self.parts.iter().map(|part| match &part.from {
            From::Fixed { codec, .. } => Some(codec),
            From::Output { .. } => None,
        });
        let first = codecs.next()??;
        codecs.all(|other| other.is_some_and(|other| other.format == first.format)).then_some(first)
    }

    /// Edges for a reader that wants one format, which operators of the plugin encode.
    pub(super) fn edges_in(&self, format: &str, encoder: &Rc<dyn ErasedEncoder>) -> Vec<Edge> {
        let wanted = Encoding { format: format.to_owned(), encoder: Rc::clone(encoder) };
        let is_compact = wanted.format == Format::<T>::format(&Compact);
        let mut edges = Vec::new();
        for part in &self.parts {
            match &part.from {
                From::Fixed { codec, .. } if codec.format == wanted.format => {
                    edges.push(fixed_edge(part));
                }
                // What a partitioner has put its choice into must be read as it is.
                From::Output { output, .. } if part.selector.is_none() || is_compact => {
                    edges.push(self.output_edge(part, *output, &wanted));
                }
                From::Fixed { .. } | From::Output { .. } => {
                    let converted = self.convert(part);
                    edges.push(converted.output_edge(&converted.parts[0], 0, &wanted));
                }
            }
        }
        edges
    }

    fn output_edge(&self, part: &Part<T>, output: usize, wanted: &Encoding) -> Edge {
        let port = self.graph.borrow_mut().encoding(part.node, output, wanted.clone());
        Edge {
            from: part.node,
            port,
            input: 0,
            partitioner: part.partitioner,
            selector: part.selector,
        }
    }

    /// Adds an operator that only decodes, as wide as what it reads from.
    fn convert(&self, part: &Part<T>) -> DataStream<T> {
        let alone = DataStream { graph: Rc::clone(&self.graph), parts: vec![part.clone()] };
        let inputs = vec![alone.consume()];
        let kind = OperatorKind::Process;
        let spec = OperatorSpec { kind_name: "Decode", kind, inputs, states: &[] };
        let converted = DataStream::<T>::add(&self.graph, spec, |_| {
            Box::new(|wiring| simple::map(|value: T| value, wiring))
        });
        if let Some(operator) = self.graph.borrow_mut().operator(converted.parts[0].node)
            && part.partitioner.is_none()
        {
            operator.parallelism_of = Some(part.node);
        }
        converted
    }

    /// The stream in the plugin's own format.
    pub(super) fn in_compact(&self) -> DataStream<T> {
        let converted = self.parts.iter().map(|part| match &part.from {
            From::Output { .. } => part.clone(),
            From::Fixed { .. } => self.convert(part).parts.remove(0),
        });
        DataStream { graph: Rc::clone(&self.graph), parts: converted.collect() }
    }
}

fn fixed_edge<T>(part: &Part<T>) -> Edge {
    let From::Fixed { port, .. } = &part.from else {
        unreachable!("only called for parts whose format is given")
    };
    Edge {
        from: part.node,
        port: *port,
        input: 0,
        partitioner: part.partitioner,
        selector: part.selector,
    }
}
