//! From a file's bytes to a component's bytes: tells what a file is, encodes core modules that
//! carry a world, and refuses everything else by name.

use wasmparser::{Encoding, Parser, Payload};

use crate::error::PluginError;

/// What form a plugin file had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginForm {
    /// A component.
    Component,
    /// A core module with its world in a custom section, as wit-bindgen leaves it.
    CoreModule,
}

/// A plugin as a component.
#[derive(Clone, Debug)]
pub struct PluginBytes {
    /// The component.
    pub component: Vec<u8>,
    /// What the file was.
    pub form: PluginForm,
}

impl PluginBytes {
    /// Makes a component of the bytes of a plugin file. `plugin` names it in errors.
    ///
    /// # Errors
    /// [`PluginError`]: too large, not WebAssembly, precompiled, or a core module without a world.
    pub fn parse(plugin: &str, bytes: &[u8], limit: usize) -> Result<PluginBytes, PluginError> {
        let name = || plugin.to_owned();
        if bytes.len() > limit {
            return Err(PluginError::TooLarge { plugin: name(), bytes: bytes.len(), limit });
        }
        if bytes.starts_with(b"\x7fELF") {
            return Err(match wasmtime::Engine::detect_precompiled(bytes) {
                Some(_) => PluginError::Precompiled { plugin: name() },
                None => PluginError::NotWasm { plugin: name(), found: describe(bytes) },
            });
        }
        if !bytes.starts_with(b"\0asm") {
            return Err(PluginError::NotWasm { plugin: name(), found: describe(bytes) });
        }
        match Parser::new(0).parse_all(bytes).next() {
            Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => {
                Ok(PluginBytes { component: bytes.to_vec(), form: PluginForm::Component })
            }
            Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => {
                let component = encode(plugin, bytes)?;
                Ok(PluginBytes { component, form: PluginForm::CoreModule })
            }
            Some(Err(error)) => {
                Err(PluginError::Invalid { plugin: name(), reason: error.message().to_owned() })
            }
            _ => Err(PluginError::NotWasm { plugin: name(), found: describe(bytes) }),
        }
    }
}

fn encode(plugin: &str, module: &[u8]) -> Result<Vec<u8>, PluginError> {
    let refuse = |reason: String| PluginError::NotEncodable { plugin: plugin.to_owned(), reason };
    if !has_world(module).map_err(refuse)? {
        let reason = "it has no custom section `component-type`, which carries the world";
        return Err(refuse(reason.to_owned()));
    }
    let encode =
        || wit_component::ComponentEncoder::default().validate(true).module(module)?.encode();
    encode().map_err(|error| refuse(format!("{error:#}")))
}

fn has_world(module: &[u8]) -> Result<bool, String> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload.map_err(|error| error.to_string())?
            && section.name().starts_with("component-type")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn describe(bytes: &[u8]) -> String {
    match bytes {
        [] => "the file is empty".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "it is a native ELF binary".to_owned(),
        [b'P', b'K', 3, 4, ..] => "it is a zip or jar archive".to_owned(),
        [0x1f, 0x8b, ..] => "it is gzip-compressed".to_owned(),
        [b'(', ..] => "it is WebAssembly text; assemble it first".to_owned(),
        _ => {
            let head: Vec<String> =
                bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            format!("it starts with the bytes {} instead of 00 61 73 6d", head.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(bytes: &[u8], expected: &str) {
        let error = PluginBytes::parse("words", bytes, 1000).expect_err("not a plugin");
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("plugin words"), "{message}");
    }

    #[test]
    fn what_is_not_a_plugin_is_refused_by_name() {
        check_refused(b"", "the file is empty");
        check_refused(b"PK\x03\x04rest", "zip or jar");
        check_refused(b"\x7fELFrest", "native ELF binary");
        check_refused(b"(module)", "WebAssembly text");
        check_refused(b"hello", "starts with the bytes 68 65 6c 6c");
        check_refused(&[0; 1001], "1001 bytes, over the limit of 1000");
        check_refused(b"\0asm\x01\0\0\0", "no custom section `component-type`");
        check_refused(b"\0asm\xff\0\0\0", "not valid WebAssembly");
        check_refused(b"\0asm", "not valid WebAssembly");
    }
}
