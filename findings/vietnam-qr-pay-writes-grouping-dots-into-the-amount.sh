#!/usr/bin/env bash
# npm vietnam-qr-pay 1.5.1, seen 28/11/2026.
#
# Sellers write sixty-five thousand đồng as 65.000. Expected: the builder refuses the text, or takes the dots for groups.
# Seen: it writes the text into object 54 as it stands, with a right checksum, and its own reader calls the code valid.
# In object 54 a dot is the decimal mark (EMVCo, merchant-presented mode), so the code asks for 65 đồng.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund vietnam-qr-pay@1.5.1 >/dev/null
cat >try.js <<'JS'
const { QRPay } = require("vietnam-qr-pay");
const code = QRPay.initVietQR({
  bankBin: "970436", bankNumber: "0011223344", amount: "65.000", purpose: "invented",
}).build();
console.log(code);
const read = new QRPay(code);
console.log("valid:", read.isValid, "amount:", read.amount);
if (!code.includes("540665.000") || !read.isValid || read.amount !== "65.000") process.exit(1);
JS
node try.js
echo 'as described: 65.000 stands in object 54 of a code that is called valid'
