//! choso ("chợ số"): market stalls and business households of a ward, their VietQR codes, signed
//! payment notices, and the non-cash adoption rate of each street and market.
//!
//! The rooms, from the bottom up. Core is pure and synchronous: it takes the time as an argument and
//! returns decisions.
//!
//! - [`vn`] đồng, days at UTC+7, truncated ratios, names, values that mask themselves
//! - [`table`] delimited files → rows and faults
//! - [`places`] units by (code, validity), lineage, streets, markets
//! - [`vietqr`] the payload of a code: written, read, drawn, found in photos; banks
//! - [`mod@print`] cards, stands, labels, sheets: one layout as SVG, PNG and PDF; workbooks as XLSX
//! - [`notice`] proof of origin, one adapter per provider shape
//! - [`register`] households, stalls, stall codes, what a register file says
//! - [`ledger`] attribution, states, counters
//! - [`statement`] files of providers and banks → rows and bad rows
//! - [`reconcile`] statements held against receipts: matching, findings, what a day comes to
//! - [`indicators`] the indicators and the report
//! - [`access`] tokens, sealed secrets
//!
//! Around the core: [`clock`], [`store`] (the only room that says SQL), [`intake`] (queue and writer), [`settlement`]
//! (statements taken in, days closed), [`jobs`], [`words`] (what is refused, in both languages), [`web`], [`app`] (start and stop), [`config`],
//! [`bank_directory`], [`telemetry`], [`turns`] (one piece of heavy work at a time), [`simulate`] (a provider on trial), [`demo`].

pub mod access;
pub mod app;
pub mod bank_directory;
pub mod clock;
pub mod config;
pub mod demo;
pub mod indicators;
pub mod intake;
pub mod jobs;
pub mod ledger;
pub mod notice;
pub mod places;
pub mod print;
pub mod reconcile;
pub mod register;
pub mod settlement;
pub mod simulate;
pub mod statement;
pub mod store;
pub mod table;
mod task;
pub mod telemetry;
pub mod turns;
pub mod vietqr;
pub mod vn;
pub mod web;
pub mod words;
