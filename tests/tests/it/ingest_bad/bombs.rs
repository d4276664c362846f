//! Bodies that are small on the wire and huge when unpacked: 413, in bounded memory.

use triglot_http::{Coding, Encoder};

use super::{
    ALL, Api, C_BULK, C_LINES, C_LOKI_PROTO, C_PROM, C_PUT, C_SPANS, C_TELNET, Node, T_JSON, T_LINES, T_PROM,
    T_TELNET, wire,
};
use crate::read_back::{Dialect, Door};

const LIMIT: usize = 16 << 20;
/// Unpacked. The worst packer, snappy, makes a body below the limit of it.
const BOMB: usize = 256 << 20;
/// A body of the limit, what it unpacks to while its vector grows, and what the allocator keeps: far below the bomb.
const MEMORY: u64 = 128 << 20;

fn limited() -> Node {
    let limit = format!("{LIMIT}B");
    Node::start_with(&[
        ("TRIGLOT_CNOSDB__WRITE_SQL_LIMIT", &limit),
        ("TRIGLOT_CNOSDB__QUERY_SQL_LIMIT", &limit),
        ("TRIGLOT_TDENGINE__BODY_LIMIT", &limit),
        ("TRIGLOT_KWDB__BODY_LIMIT", &limit),
    ])
}

fn packed(coding: Coding, bytes: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::new();
    for _ in 0..bytes >> 20 {
        out.extend_from_slice(&encoder.push(vec![b' '; 1 << 20]).unwrap());
    }
    out.extend_from_slice(&encoder.finish().unwrap());
    assert!(out.len() < LIMIT, "{coding:?}: {}", out.len());
    out
}

/// The statuses of a request, and that it took little memory.
fn status(node: &Node, dialect: Dialect, target: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    let before = node.server.resident_bytes();
    let reply = node.door(dialect).send("POST", target, headers, body);
    let grown = node.server.peak_bytes().saturating_sub(before);
    assert!(grown < MEMORY, "{target} {headers:?}: {} MiB", grown >> 20);
    reply.status
}

#[test]
fn bombs_of_every_coding_are_413() {
    let node = limited();
    let codings = [
        ("gzip", Coding::Gzip),
        ("deflate", Coding::DeflateRaw),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
        ("snappy", Coding::SnappyFramed),
        ("lz4", Coding::Lz4Frame),
    ];
    for (name, coding) in codings {
        let bomb = packed(coding, BOMB);
        for api in [C_LINES, C_TELNET, C_PUT, C_BULK, C_SPANS] {
            let headers: Vec<_> = api.headers.iter().copied().chain([("content-encoding", name)]).collect();
            assert_eq!(status(&node, api.dialect, api.target, &headers, &bomb), 413, "{name} {}", api.target);
        }
        if coding == Coding::Gzip {
            for api in [T_LINES, T_TELNET, T_JSON, T_PROM] {
                let headers = [("content-encoding", name)];
                assert_eq!(status(&node, api.dialect, api.target, &headers, &bomb), 413, "{}", api.target);
            }
        }
        // One byte less than the limit is no bomb: the coding itself is fine.
        let blanks = packed(coding, LIMIT);
        let reply =
            Door::cnosdb(&node.server).send("POST", C_LINES.target, &[("content-encoding", name)], &blanks);
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
    }
    node.lives();
}

#[test]
fn bombs_of_snappy_blocks_are_413() {
    let node = limited();
    let bomb = wire::block(&vec![b' '; BOMB]);
    assert!(bomb.len() < LIMIT);
    // Says three gigabytes, and is a few bytes long.
    let liar = [wire::varint(3 << 30), vec![0; 9]].concat();
    for body in [&bomb, &liar] {
        for api in [C_PROM, C_LOKI_PROTO, T_PROM] {
            assert_eq!(status(&node, api.dialect, api.target, api.headers, body), 413, "{}", api.target);
        }
        for (dialect, target) in [
            (Dialect::Cnosdb, "/api/v1/prom/read?db=public"),
            (Dialect::Tdengine, "/prometheus/v1/remote_read/public"),
        ] {
            assert_eq!(status(&node, dialect, target, &[], body), 413, "{target}");
        }
    }
    // Says less than the limit, and is far too short for it.
    let liar = [wire::varint(LIMIT as u64 - 1), vec![0; 9]].concat();
    node.expect(&C_PROM, &liar, "422 010055");
    node.expect(&T_PROM, &liar, "400 ");
    node.expect(&C_LOKI_PROTO, &liar, "422 040016");
    node.lives();
}

/// Not packed at all, but longer than allowed: told before it is read, and in the middle of reading if its length was not said.
#[test]
fn bodies_over_the_limit_are_413() {
    let node = limited();
    let long = vec![b' '; LIMIT + 1];
    let chunks =
        [format!("{:x}\r\n", long.len()).into_bytes(), long.clone(), b"\r\n0\r\n\r\n".to_vec()].concat();
    for Api { dialect, target, headers, .. } in ALL {
        assert_eq!(status(&node, dialect, target, headers, &long), 413, "{target}");
        let headers: Vec<_> = headers.iter().copied().chain([("transfer-encoding", "chunked")]).collect();
        assert_eq!(status(&node, dialect, target, &headers, &chunks), 413, "{target} in chunks");
    }
    node.lives();
}
