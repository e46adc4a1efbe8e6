//! The package of an XLSX workbook: its parts, where their relations lead, and what is wrong with it.

use std::io::{Read, Seek};

use quick_xml::events::Event;

use crate::statement::containers::parts::{Archive, ArchiveFault};
use crate::statement::containers::xml::{Xml, XmlFault, attribute};
use crate::statement::error::StatementError;
use crate::statement::limits::Overrun;
use crate::vn::{Sentence, sentence};

/// A relation of a part: its id, what kind of part it leads to, and where that stands.
pub(crate) struct Relation {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) target: String,
}

/// The part of the workbook itself: the one that the relations of the file name, else the one of the usual name.
pub(crate) fn main_part<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Option<String>, StatementError> {
    let related = relations(archive, "_rels/.rels", "")?;
    let main = related
        .into_iter()
        .filter(|relation| relation.kind == "officeDocument");
    let named = |archive: &Archive<R>, name: &str| {
        let mut parts = archive.parts().iter();
        parts.any(|part| part.name.eq_ignore_ascii_case(name))
    };
    for relation in main {
        if named(archive, &relation.target) && is_workbook(archive, &relation.target)? {
            return Ok(Some(relation.target));
        }
    }
    let mut names = archive.parts().iter().map(|part| &part.name);
    Ok(names
        .find(|name| name.to_ascii_lowercase().ends_with("workbook.xml"))
        .cloned())
}

fn is_workbook<R: Read + Seek>(archive: &mut Archive<R>, name: &str) -> Result<bool, StatementError> {
    let Some(mut xml) = part(archive, name)? else {
        return Ok(false);
    };
    loop {
        match xml.next() {
            Ok(Event::Start(element)) => return Ok(element.local_name().as_ref() == "workbook"),
            Ok(Event::Eof) | Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
}

/// A part by its name, letter case aside; none if there is no such part.
pub(crate) fn part<'a, R: Read + Seek>(
    archive: &'a mut Archive<R>,
    name: &str,
) -> Result<Option<Xml<Box<dyn Read + 'a>>>, StatementError> {
    let mut parts = archive.parts().iter();
    let Some(at) = parts.position(|part| part.name.eq_ignore_ascii_case(name)) else {
        return Ok(None);
    };
    let size = archive.parts()[at].size;
    let part: Box<dyn Read + 'a> = Box::new(archive.read(at).map_err(archive_fault)?);
    Ok(Some(Xml::new(part, size)))
}

/// Where each relation of a part leads that stands in this folder.
pub(crate) fn relations<R: Read + Seek>(
    archive: &mut Archive<R>,
    name: &str,
    folder: &str,
) -> Result<Vec<Relation>, StatementError> {
    let mut relations = Vec::new();
    let Some(mut xml) = part(archive, name)? else {
        return Ok(relations);
    };
    loop {
        match xml.next().map_err(|fault| xml_fault(fault, name))? {
            Event::Start(e) if e.local_name().as_ref() == "Relationship" => {
                if let (Some(id), Some(target)) = (attribute(&e, "Id"), attribute(&e, "Target")) {
                    let kind = attribute(&e, "Type").unwrap_or_default();
                    relations.push(Relation {
                        id: id.into_owned(),
                        kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                        target: path_of(folder, &target),
                    });
                }
            }
            Event::Eof => return Ok(relations),
            _ => {}
        }
    }
}

/// The path to which a target leads from a folder.
fn path_of(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let whole = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}{target}"),
    };
    let mut path: Vec<&str> = Vec::new();
    for name in whole.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path.join("/")
}

pub(crate) fn archive_fault(error: std::io::Error) -> StatementError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => StatementError::Truncated {
            because: ("tệp nén thiếu phần cuối", "the end of the archive is missing"),
        },
        _ => {
            let fault = error.get_ref().and_then(|inner| inner.downcast_ref());
            let said = || Sentence::new(error.to_string(), error.to_string());
            workbook_fault("zip", fault.map_or_else(said, ArchiveFault::sentence))
        }
    }
}

pub(crate) fn workbook_fault(part: &str, because: Sentence) -> StatementError {
    StatementError::Workbook {
        part: part.to_owned(),
        because,
    }
}

pub(crate) fn xml_fault(fault: XmlFault, part: &str) -> StatementError {
    match fault {
        XmlFault::Overrun(Overrun::Total) => StatementError::ZipBomb,
        XmlFault::Overrun(Overrun::Record) => workbook_fault(
            part,
            Sentence::new("có một phần tử quá dài", "an element is too long"),
        ),
        XmlFault::Deep => workbook_fault(
            part,
            Sentence::new(
                "các phần tử lồng nhau quá sâu",
                "elements lie too deep inside each other",
            ),
        ),
        XmlFault::DocType => workbook_fault(part, Sentence::new("có khai báo DOCTYPE", "there is a DOCTYPE")),
        XmlFault::Cut => StatementError::Truncated {
            because: ("bảng tính kết thúc giữa chừng", "the workbook ends midway"),
        },
        XmlFault::Broken(because) => workbook_fault(part, Sentence::new(because.clone(), because)),
        XmlFault::Io(error) => StatementError::Io(error),
        XmlFault::Encoding(declared) => workbook_fault(
            part,
            sentence!(
                "các chữ không viết bằng mã {declared}",
                "its letters are not in {declared}"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_leads_from_its_folder_or_from_the_root() {
        for (target, wanted) in [
            ("worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("/xl/shared.xml", "xl/shared.xml"),
            ("../other/./s.xml", "other/s.xml"),
            ("worksheets\\sheet1.xml", "xl/worksheets/sheet1.xml"),
        ] {
            assert_eq!(path_of("xl/", target), wanted, "{target}");
        }
    }
}
