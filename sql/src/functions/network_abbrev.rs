//! The short form of a cidr, without the octets and words that its mask leaves out.

use std::fmt::Write;

use peristyle_storage::packed::{AddressFamily, Cidr};

/// `10.1/16` of `10.1.0.0/16`.
pub(super) fn abbreviated(cidr: Cidr) -> String {
    let inet = cidr.inet();
    let bytes = inet.address.to_be_bytes();
    let address = match inet.family {
        AddressFamily::V4 => octets(&bytes[..usize::from(inet.bits.div_ceil(8)).max(1)]),
        AddressFamily::V6 if inet.bits == 0 => "::".to_owned(),
        AddressFamily::V6 => words(&bytes, inet.bits),
    };
    format!("{address}/{}", inet.bits)
}

fn octets(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}

/// The words that the mask reaches, two at least, of which the longest run of zeros is left out.
fn words(bytes: &[u8; 16], bits: u8) -> String {
    let words: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let words = &words[..usize::from(bits.div_ceil(16)).max(2)];
    let zeros = longest_zeros(words);
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if zeros.contains(&at) {
            let colons = usize::from(at == zeros.start) + usize::from(at + 1 == words.len());
            text.push_str(&"::"[..colons]);
            continue;
        }
        // Writing to a string does not fail.
        let _ = match at {
            6.. if holds_v4(words, &zeros) => {
                write!(text, "{}{}", if at == 6 { ':' } else { '.' }, of_v4(*word, at, bits))
            }
            _ => write!(text, "{}{word:x}", if text.is_empty() { "" } else { ":" }),
        };
    }
    text
}

/// Whether the last two words are an address of IPv4.
fn holds_v4(words: &[u16], zeros: &std::ops::Range<usize>) -> bool {
    let is_mapped = zeros.len() == 5 && words.get(5) == Some(&u16::MAX);
    zeros.start == 0 && zeros.len() != words.len() && (zeros.len() == 6 || is_mapped)
}

/// Two octets, of which the last is left out if the mask does not reach it.
fn of_v4(word: u16, at: usize, bits: u8) -> String {
    let [high, low] = word.to_be_bytes();
    if at != 7 || bits > 120 { format!("{high}.{low}") } else { high.to_string() }
}

/// The first of the longest runs of zeros.
fn longest_zeros(words: &[u16]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut at = 0;
    while at < words.len() {
        let length = words[at..].iter().take_while(|word| **word == 0).count();
        if length > longest.len() {
            longest = at..at + length;
        }
        at += length.max(1);
    }
    longest
}
