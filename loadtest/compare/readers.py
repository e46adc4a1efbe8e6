"""What zxing-cpp and ZBar read in pictures. Usage: readers.py FOLDER; one JSON a line: file, and the texts of each.

A reader that is not installed is left out of every line.
"""

import json
import os
import sys

from PIL import Image

readers = {}
try:
    import zxingcpp

    qr_code = zxingcpp.BarcodeFormat.QRCode
    readers["zxing-cpp"] = lambda picture: [code.text for code in zxingcpp.read_barcodes(picture, formats=qr_code)]
except ImportError as error:
    print(f"zxing-cpp: {error}", file=sys.stderr)
try:
    from pyzbar import pyzbar

    only_qr = [pyzbar.ZBarSymbol.QRCODE]
    readers["ZBar"] = lambda picture: [
        code.data.decode("utf-8", "replace") for code in pyzbar.decode(picture, symbols=only_qr)
    ]
except ImportError as error:
    print(f"ZBar: {error}", file=sys.stderr)

folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    with Image.open(os.path.join(folder, name)) as picture:
        grey = picture.convert("L")
    print(json.dumps({"file": name, **{reader: read(grey) for reader, read in readers.items()}}))
