// The same lines through vietnam-qr-pay: `choso qr encode` is measured against it.
"use strict";

const { QRPay } = require("vietnam-qr-pay");

const lines = require("node:readline").createInterface({ input: process.stdin });
let out = [];
const flush = () => {
  process.stdout.write(out.join("\n") + "\n");
  out = [];
};
lines.on("line", (line) => {
  const input = JSON.parse(line);
  const code = QRPay.initVietQR({
    bankBin: input.bank_bin,
    bankNumber: input.account,
    amount: input.amount ? String(input.amount) : undefined,
    purpose: input.purpose || undefined,
  });
  out.push(JSON.stringify({ payload: code.build() }));
  if (out.length >= 1000) flush();
});
lines.on("close", () => out.length && flush());
