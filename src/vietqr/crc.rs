//! The checksum at the end of a code.

/// CRC-16/CCITT-FALSE, the checksum of EMVCo codes: polynomial 1021, first value FFFF, nothing reflected,
/// nothing added at the end. Taken over the UTF-8 bytes up to and including `6304` (docs/spec/vietqr.md,
/// section 2).
///
/// Eight bytes at a time ("slicing by eight"): the effect of a byte with k more behind it is looked up in a table
/// of its own, so that the eight look-ups do not wait for each other.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut crc = 0xffff_u16;
    for [a, b, c, d, e, f, g, h] in eights {
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[7][usize::from(high ^ a)]
            ^ TABLES[6][usize::from(low ^ b)]
            ^ TABLES[5][usize::from(*c)]
            ^ TABLES[4][usize::from(*d)]
            ^ TABLES[3][usize::from(*e)]
            ^ TABLES[2][usize::from(*f)]
            ^ TABLES[1][usize::from(*g)]
            ^ TABLES[0][usize::from(*h)];
    }
    rest.iter().fold(crc, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ TABLES[0][usize::from(high ^ byte)]
    })
}

/// The effect of a byte on the sum, with none to seven more behind it.
static TABLES: [[u16; 256]; 8] = tables();

const fn tables() -> [[u16; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut behind = 0;
        while behind < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 == 0 {
                    crc << 1
                } else {
                    (crc << 1) ^ 0x1021
                };
                bit += 1;
            }
            tables[behind][byte] = crc;
            behind += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::crc16;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
        assert_eq!(crc16(b""), 0xffff);
    }

    #[test]
    fn bytes_taken_by_eight_are_bytes_taken_one_by_one() {
        let text: Vec<u8> = (0..=255).chain(0..77).collect();
        for end in 0..text.len() {
            let slow = text[..end].iter().fold(0xffff_u16, |crc, byte| {
                (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
                    0 => crc << 1,
                    _ => (crc << 1) ^ 0x1021,
                })
            });
            assert_eq!(crc16(&text[..end]), slow, "{end}");
        }
    }

    /// EMVCo's published code holds Chinese letters, so it also fixes that bytes are summed, not characters.
    #[test]
    fn the_example_of_emvco() {
        let code = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN\
            5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***\
            0708A60086670902ME91320016A0112233449988770708123456786304A13A";
        let (body, sum) = code.split_at(code.len() - 4);
        assert_eq!(format!("{:04X}", crc16(body.as_bytes())), sum);
    }
}
