//! Lines in, lines out, in order, on all cores and in constant memory.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::common::Failure;

/// Read at once at most; a pipe gives 64 KiB.
const BLOCK_BYTES: usize = 256 * 1024;
/// A longer line is handed on cut to one byte more, so that whoever answers it can refuse it.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Answers each line of the input; returns how many were answered well and how many not.
///
/// `answer` takes a line without its end, or none where it is not UTF-8, appends what it says, with its end, and tells whether it was a good
/// answer. Whole lines are answered as soon as they are there, so that a person at a terminal or a program at the
/// other end of the pipe need not end its input first.
pub fn answer_lines(
    input: impl Read,
    output: impl Write + Send,
    answer: impl Fn(Option<&str>, &mut String) -> bool + Sync,
) -> Result<(u64, u64), Failure> {
    let workers = thread::available_parallelism().map_or(1, |n| n.get().min(16));
    thread::scope(|scope| {
        let mut blocks: Vec<SyncSender<Vec<u8>>> = Vec::new();
        let mut answers: Vec<Receiver<Answered>> = Vec::new();
        for _ in 0..workers {
            let (to, blocks_in) = sync_channel::<Vec<u8>>(1);
            let (answers_out, from) = sync_channel(1);
            let answer = &answer;
            scope.spawn(move || {
                while let Ok(block) = blocks_in.recv() {
                    if answers_out.send(answered(&block, answer)).is_err() {
                        return;
                    }
                }
            });
            blocks.push(to);
            answers.push(from);
        }
        let writer = scope.spawn(move || write_in_turn(output, &answers));
        let read = read_blocks(input, &blocks);
        // Without senders the workers end, and without workers the writer.
        drop(blocks);
        let written = writer.join().expect("the writer does not panic");
        read?;
        written
    })
}

struct Answered {
    text: String,
    good: u64,
    bad: u64,
}

fn answered(block: &[u8], answer: &impl Fn(Option<&str>, &mut String) -> bool) -> Answered {
    let mut done = Answered {
        text: String::with_capacity(block.len()),
        good: 0,
        bad: 0,
    };
    let mut one = |line: Option<&str>| {
        if answer(line, &mut done.text) {
            done.good += 1
        } else {
            done.bad += 1
        }
    };
    let block = block.strip_suffix(b"\n").unwrap_or(block);
    match std::str::from_utf8(block) {
        Ok(text) => text
            .split('\n')
            .for_each(|line| one(Some(line.strip_suffix('\r').unwrap_or(line)))),
        Err(_) => block.split(|b| *b == b'\n').for_each(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            one(std::str::from_utf8(line).ok());
        }),
    }
    done
}

/// Hands blocks of whole lines to the workers in turn. Ends early when nobody takes the answers any more.
fn read_blocks(mut input: impl Read, workers: &[SyncSender<Vec<u8>>]) -> Result<(), Failure> {
    let mut turns = workers.iter().cycle();
    let mut hand_on = |block: Vec<u8>| turns.next().is_some_and(|worker| worker.send(block).is_ok());
    let mut read_in = vec![0; BLOCK_BYTES];
    // A line that is not whole yet.
    let mut begun: Vec<u8> = Vec::new();
    loop {
        let read = match input.read(&mut read_in) {
            Ok(0) => break,
            Ok(read) => &read_in[..read],
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(Failure::Refused(format!("standard input: {e}"))),
        };
        match read.iter().rposition(|b| *b == b'\n') {
            None => begun.extend_from_slice(read),
            Some(last) => {
                let (whole, next) = read.split_at(last + 1);
                begun.extend_from_slice(whole);
                if !hand_on(std::mem::replace(&mut begun, next.to_vec())) {
                    return Ok(());
                }
            }
        }
        // What a line is too long by is nothing anybody reads.
        begun.truncate(LINE_BYTES_MAX + 1);
    }
    if !begun.is_empty() {
        hand_on(begun);
    }
    Ok(())
}

fn write_in_turn(mut output: impl Write, workers: &[Receiver<Answered>]) -> Result<(u64, u64), Failure> {
    let mut good = 0;
    let mut bad = 0;
    for worker in workers.iter().cycle() {
        // The worker whose turn it is has no more: there was no further block.
        let Ok(answered) = worker.recv() else { break };
        good += answered.good;
        bad += answered.bad;
        match output
            .write_all(answered.text.as_bytes())
            .and_then(|()| output.flush())
        {
            Ok(()) => {}
            // The reader of a pipe had enough, as `| head` does.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => break,
            Err(e) => return Err(Failure::Refused(format!("standard output: {e}"))),
        }
    }
    Ok((good, bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out a few bytes at a time, as a slow pipe does.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let size = self.1.min(self.0.len()).min(to.len());
            let (now, later) = self.0.split_at(size);
            to[..size].copy_from_slice(now);
            self.0 = later;
            Ok(size)
        }
    }

    fn run(text: &str, size: usize) -> (String, (u64, u64)) {
        let mut out = Vec::new();
        let totals = answer_lines(
            Drops(text.as_bytes(), size),
            &mut out,
            |line: Option<&str>, out: &mut String| {
                let text = line.unwrap();
                out.push_str(&format!("<{}>\n", &text[..text.len().min(20)]));
                text.len() <= LINE_BYTES_MAX && !text.is_empty()
            },
        );
        (String::from_utf8(out).unwrap(), totals.unwrap())
    }

    #[test]
    fn every_line_is_answered_in_its_place_however_it_arrives() {
        let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        let wanted: String = lines.iter().map(|line| format!("<{line}>\n")).collect();
        for size in [1, 7, 1000, usize::MAX] {
            assert_eq!(
                run(&lines.join("\n"), size),
                (wanted.clone(), (5_000, 0)),
                "{size}"
            );
            assert_eq!(
                run(&(lines.join("\r\n") + "\r\n"), size),
                (wanted.clone(), (5_000, 0)),
                "{size}"
            );
        }
    }

    #[test]
    fn an_empty_line_is_a_line_and_no_line_is_none() {
        assert_eq!(run("", 9), (String::new(), (0, 0)));
        assert_eq!(run("a\n\nb\n", 9), ("<a>\n<>\n<b>\n".to_owned(), (2, 1)));
        assert_eq!(run("\n", 9), ("<>\n".to_owned(), (0, 1)));
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_is_answered_once() {
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        for size in [1000, usize::MAX] {
            let (text, totals) = run(&format!("a\n{long}\nb\n"), size);
            assert_eq!(text, format!("<a>\n<{}>\n<b>\n", &long[..20]));
            assert_eq!(totals, (2, 1));
        }
    }
}
