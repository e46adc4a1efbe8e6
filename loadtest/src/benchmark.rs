//! The frame of a command that measures: the machine is named first, and a raw run is kept at the end.

use serde_json::{Value, json};

use crate::args::{DatabaseArgs, RawArgs};
use crate::database::Backend;
use crate::error::Result;
use crate::machine::Machine;

/// A command that measures.
pub struct Benchmark<'a> {
    name: &'static str,
    machine: Machine,
    output: &'a RawArgs,
}

/// What was measured on one database.
pub struct Measured {
    pub figures: Value,
    /// Whether every answer was right, and the ledger holds what was posted.
    pub is_right: bool,
}

impl<'a> Benchmark<'a> {
    /// Prints which machine and program this is.
    pub fn begin(name: &'static str, output: &'a RawArgs) -> Benchmark<'a> {
        let machine = Machine::read();
        println!("{}", machine.line());
        Benchmark {
            name,
            machine,
            output,
        }
    }

    /// Measures one database after the other and keeps a raw run of each. Whether all was right.
    pub fn on_each(
        &self,
        databases: &DatabaseArgs,
        mut measure: impl FnMut(&Backend) -> Result<Measured>,
    ) -> Result<bool> {
        let backends = databases.backends()?;
        let mut all_right = true;
        for backend in &backends {
            let measured = measure(backend)?;
            let mut raw = self.raw_run(measured.figures);
            raw["database"] = backend.name().into();
            let file_name = format!("{}-{}", self.name, backend.name());
            if backends.len() == 1 {
                self.output.write(&file_name, &raw)?;
            } else {
                self.output.of_database(backend.name()).write(&file_name, &raw)?;
            }
            all_right &= measured.is_right;
        }
        Ok(all_right)
    }

    /// Keeps one raw run of everything that was measured.
    pub fn keep(&self, figures: Value) -> Result<()> {
        self.keep_as(self.name, figures)
    }

    /// The same under another name than the command's.
    pub fn keep_as(&self, file_name: &str, figures: Value) -> Result<()> {
        self.output.write(file_name, &self.raw_run(figures))
    }

    fn raw_run(&self, figures: Value) -> Value {
        let mut raw = json!({ "benchmark": self.name });
        for part in [self.machine.json(), figures] {
            if let (Some(raw), Value::Object(part)) = (raw.as_object_mut(), part) {
                raw.extend(part);
            }
        }
        raw
    }
}
