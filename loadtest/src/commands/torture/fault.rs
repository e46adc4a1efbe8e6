//! The faults of a round, and what each needs of the machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::database::temporary_folder;
use crate::error::Result;

/// Where libfaketime may lie.
const FAKETIME: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// What happens while a round posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9` of the service, which is then started again.
    KillService,
    /// `kill -9` of PostgreSQL's first process, which is then started again.
    KillPostgres,
    /// No room on the database's disk for a while.
    DiskFull,
    /// No file of the service may grow any more; it is then started anew without that limit.
    FilesLimited,
    /// Connections between client and service break at random moments.
    CutClients,
    /// Connections between service and PostgreSQL break at random moments.
    CutDatabase,
    /// The service's clock jumps by ten minutes and back.
    ClockStep,
}

impl Fault {
    /// Every fault, in the order of the table.
    pub const ALL: [Fault; 7] = [
        Fault::KillService,
        Fault::KillPostgres,
        Fault::DiskFull,
        Fault::FilesLimited,
        Fault::CutClients,
        Fault::CutDatabase,
        Fault::ClockStep,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::KillService => "kill -9 of the service",
            Fault::KillPostgres => "kill -9 of PostgreSQL",
            Fault::DiskFull => "disk full",
            Fault::FilesLimited => "file size limit",
            Fault::CutClients => "client connections cut",
            Fault::CutDatabase => "database connections cut",
            Fault::ClockStep => "clock step",
        }
    }

    /// Whether there is such a thing on this database.
    pub fn is_possible_on(self, database: &str) -> bool {
        match self {
            Fault::KillPostgres | Fault::CutDatabase => database == "postgres",
            // Its server's files cannot be limited from here.
            Fault::FilesLimited => database == "sqlite",
            _ => true,
        }
    }

    /// Why it cannot be made on this machine.
    pub fn missing(self) -> Option<String> {
        match self {
            Fault::DiskFull => SmallDisk::mount(4).err(),
            Fault::ClockStep => faketime()
                .is_none()
                .then(|| "libfaketime is not installed".to_owned()),
            _ => None,
        }
    }
}

/// The library that steps a clock, where it is installed.
pub fn faketime() -> Option<&'static str> {
    FAKETIME.into_iter().find(|path| Path::new(path).is_file())
}

/// A file system of a few MiB in memory. It goes when this is dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one; the error says why the machine does not allow it.
    pub fn mount(mib: u32) -> std::result::Result<SmallDisk, String> {
        let folder = temporary_folder().map_err(|e| e.to_string())?;
        let output = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={mib}m,mode=0777"),
                "choso-loadtest",
            ])
            .arg(folder.path())
            .output()
            .map_err(|e| format!("mount: {e}"))?;
        if output.status.success() {
            Ok(SmallDisk { folder })
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes all room that is left.
    pub fn fill(&self) -> Result<()> {
        let mut filler = fs::File::create(self.filler())?;
        for piece in [1 << 16, 1 << 12, 1] {
            // Ends with "no space left", which is what is wanted.
            while filler.write_all(&vec![0; piece]).is_ok() {}
        }
        Ok(())
    }

    /// Copies its files to a folder that stays.
    pub fn save(&self, to: &Path) -> Result<()> {
        for entry in fs::read_dir(self.path())?.flatten() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there keeps only that file.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
