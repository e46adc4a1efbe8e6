#!/usr/bin/env bash
# PyPI segno 1.6.6 with npm jsqr 1.4.0, seen 28/11/2026.
#
# A VietQR payload may carry a transfer note with accents; its checksum (object 63) is made over UTF-8, as the EMVCo
# format asks and as npm vietnam-qr-pay does. Expected: whoever draws the text draws its UTF-8 bytes.
# Seen: segno takes ISO 8859-1 whenever all letters exist there ("Cà phê") and UTF-8 otherwise ("Cà phê Nẵng"), and marks
# neither by an ECI. So two notes of one shop are drawn in two encodings, the checksum does not hold over the bytes of
# the first, and jsQR, which reads bytes as UTF-8, gives an empty text for it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install 'segno==1.6.6'
(cd "$work" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund jsqr@1.4.0 pngjs@7.0.0 >/dev/null)
cat >"$work/draw.py" <<'PY'
import binascii
import sys

import segno

for name, note in [("latin", "Cà phê"), ("utf8", "Cà phê Nẵng")]:
    note_object = f"08{len(note):02}{note}"
    payload = (
        "00020101021238540010A00000072701240006970436011001122334450208QRIBFTTA"
        f"5303704540565000" f"5802VN62{len(note_object):02}{note_object}6304"
    )
    payload += f"{binascii.crc_hqx(payload.encode(), 0xFFFF):04X}"
    segno.make(payload, error="m").save(f"{sys.argv[1]}/{name}.png", scale=8)
PY
"$work/venv/bin/python" "$work/draw.py" "$work"
cat >"$work/read.js" <<'JS'
const { readFileSync } = require("fs");
const { PNG } = require("pngjs");
const jsQR = require("jsqr");
const read = (name) => {
  const picture = PNG.sync.read(readFileSync(`${__dirname}/${name}.png`));
  const code = jsQR(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  const bytes = Buffer.from(code.binaryData);
  const note = bytes.subarray(bytes.lastIndexOf("08", bytes.length - 9) + 4, bytes.length - 8);
  console.log(`${name}: text of ${code.data.length} letters; bytes of the note ${note.toString("hex")}`);
  return { text: code.data, note: note.toString("hex"), kinds: code.chunks.map((chunk) => chunk.type).join() };
};
const [latin, utf8] = [read("latin"), read("utf8")];
const fail = (what) => { console.error(`another behaviour: ${what}`); process.exit(1); };
if (latin.note !== Buffer.from("Cà phê", "latin1").toString("hex")) fail("the first note is no Latin-1");
if (utf8.note !== Buffer.from("Cà phê Nẵng", "utf8").toString("hex")) fail("the second note is no UTF-8");
if (latin.kinds !== "byte" || utf8.kinds !== "byte") fail("an ECI says the encoding");
if (latin.text !== "" || !utf8.text.includes("Cà phê Nẵng")) fail("jsQR reads other texts");
JS
node "$work/read.js"
echo 'as described: the encoding changes with the word, and jsQR reads the Latin-1 one as nothing'
