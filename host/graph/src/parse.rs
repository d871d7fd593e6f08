//! From the text of a job file to a JobSpec.

use crate::document::{self, Document};
use crate::error::{self, GraphError, SyntaxProblem};
use crate::place::Places;
use crate::schema::{self, Violation};
use crate::spec::{JobSpec, json_schema};

/// Format of a job file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// What people write.
    Toml,
    /// What programs write, and what `define` returns.
    Json,
}

impl FileFormat {
    /// The format of a file by its name: JSON if it ends in `.json`, else TOML.
    pub fn of(file_name: &str) -> FileFormat {
        let is_json = file_name.to_ascii_lowercase().ends_with(".json");
        if is_json { FileFormat::Json } else { FileFormat::Toml }
    }
}

/// Reads a job. `file_name` is only used to name places.
///
/// # Errors
/// Everything that is wrong with the text: either its syntax, or its fields and their types.
pub fn parse(
    text: &str,
    format: FileFormat,
    file_name: &str,
) -> Result<(JobSpec, Places), Vec<GraphError>> {
    let Document { value, places } = document::read(text, format, file_name)?;
    let violations = schema::check(&json_schema(), &value, "");
    if !violations.is_empty() {
        let error = |found: Violation| GraphError {
            place: places.place(&found.path),
            problem: found.into(),
        };
        return Err(error::in_text_order(violations.into_iter().map(error).collect()));
    }
    match serde_json::from_value(value) {
        Ok(spec) => Ok((spec, places)),
        // The schema is made from the type, so this is a number that fits the one only.
        Err(error) => {
            let message = error.to_string();
            let problem = SyntaxProblem::Invalid { format: "job", message }.into();
            Err(vec![GraphError { place: places.place(""), problem }])
        }
    }
}
