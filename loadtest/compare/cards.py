"""The same cards with qrcode and reportlab, four on A4: a print pack is measured against them.

Draws less than choso does: a code, the names and the numbers, no list to sign. Usage: cards.py PAYLOADS OUT.pdf FONT.ttf
"""

import sys

import qrcode
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

payloads, out, font = sys.argv[1:4]
pdfmetrics.registerFont(TTFont("Card", font))
page = canvas.Canvas(out, pagesize=A4, pageCompression=1)
WIDTH, HEIGHT = 105 * mm, 148 * mm

with open(payloads, encoding="utf-8") as lines:
    cards = [line.rstrip("\n").split("\t") for line in lines]
for at, (payload, name, place, holder, bank, tail, code, serial, link) in enumerate(cards):
    if at and at % 4 == 0:
        page.showPage()
    left, bottom = (at % 2) * WIDTH, (1 - at % 4 // 2) * HEIGHT
    symbol = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=0)
    symbol.add_data(payload)
    symbol.make(fit=True)
    modules = symbol.get_matrix()
    side = 60 * mm / len(modules)
    shape = page.beginPath()
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            if dark:
                shape.rect(left + 22.5 * mm + x * side, bottom + 106 * mm - (y + 1) * side, side, side)
    page.drawPath(shape, stroke=0, fill=1)
    middle = left + WIDTH / 2
    for size, height, text in (
        (17, 133, "Quét mã để trả tiền"),
        (16, 122, name),
        (9, 116, place),
        (13, 38, holder),
        (11, 30, f"{bank} •••• {tail}"),
        (15, 21, code),
        (9, 16, serial),
        (7, 12, link),
        (7, 7, "Kiểm tra tên người nhận trước khi chuyển"),
    ):
        page.setFont("Card", size)
        page.drawCentredString(middle, bottom + height * mm, text)
page.showPage()
page.save()
