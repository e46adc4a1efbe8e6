//! The service as a whole: every store method on both databases, callbacks over HTTP, faults made on
//! purpose, the program as a process, and the rules of the house read from the source.
//!
//! Each test has its own database and its own port, so that none depends on another. Persons, shops
//! and account numbers are invented.

mod api;
mod api_tools;
mod architecture;
mod architecture_page;
mod broken_bodies;
mod callbacks;
mod cards;
mod casework;
mod citations;
mod demo;
mod faults;
mod figures;
mod file_imports;
mod inbox;
mod languages;
mod layout;
mod offline_walk;
mod own;
mod pages;
mod pins;
mod places_files;
mod process;
mod profiles;
mod promises;
mod property;
mod providers;
mod readme;
mod reconcile;
mod review;
mod sessions;
mod simulate;
mod statement_upload;
mod store_contract;
mod stream;
mod support;
mod wall;
mod who_sees_what;
