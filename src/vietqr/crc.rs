/// CRC-16/CCITT-FALSE, the checksum of EMVCo codes: polynomial 1021, first value FFFF, nothing reflected,
/// nothing added at the end. Taken over the UTF-8 bytes up to and including `6304` (vietqr FORMAT
/// section 2).
pub(super) const fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    let mut i = 0;
    while i < bytes.len() {
        let top = (crc >> 8) as u8 ^ bytes[i];
        crc = (crc << 8) ^ TABLE[top as usize];
        i += 1;
    }
    crc
}

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::crc16;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
        assert_eq!(crc16(b""), 0xffff);
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
