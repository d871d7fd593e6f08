//! What wit-bindgen makes of `wit/`: the world `operator-plugin`, and the one export that a job
//! plugin has on top. Compiles natively, where every import panics: only `host/wit.rs` calls them.

#![allow(missing_docs, unsafe_code, reason = "generated; documented in the WIT files")]
#![allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]
#![allow(elided_lifetimes_in_paths, unreachable_pub, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "operator-plugin",
    pub_export_macro: true,
    export_macro_name: "export_operators",
});

/// The export `job.define`. A component that has both exports is in the world `job-plugin`: the
/// linker keeps both descriptions, and wit-component merges them.
pub mod job {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package sandbar:job-export;
            world job-export { export sandbar:operator/job@0.1.0; }",
        world: "sandbar:job-export/job-export",
        pub_export_macro: true,
        export_macro_name: "export_job",
    });
}
