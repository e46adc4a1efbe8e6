"""What a program does with a client that openapi-python-client generated from the document: registers a household,
adds a stall, hands out its code and reads the indicators. Called by tests/it/api_tools.rs: client.py URL TOKEN."""

import datetime
import sys

from choso_client import AuthenticatedClient
from choso_client.api.figures import indicators
from choso_client.api.register import add_stall, create_household, get_stall, issue_code
from choso_client.models import AccountIn, Class, HolderRelation, HouseholdIn, Problem, StallIn

url, token = sys.argv[1:]
choso = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
opened = datetime.date(2025, 8, 1)
area = "20242@2025-07-01"


def stall(number: str) -> StallIn:
    account = AccountIn(
        account_holder="HO KHONG KHONG KHONG CHIN",
        account_number=f"00000000000{number}",
        bank_bin="970415",
        holder_relation=HolderRelation.OWNER,
    )
    return StallIn(from_=opened, unit_code="20242", market="Chợ Thử", stall_number=number, account=account)


def with_code() -> tuple[int, int]:
    report = indicators.sync(client=choso, area=area)
    figure = next(figure for figure in report.figures if figure.id == "household_qr_coverage")
    return figure.numerator, figure.denominator


before = with_code()
new = HouseholdIn(class_=Class.REGISTERED, household_name="Hộ 0009", household_ref="HKD-0009", stalls=[stall("91")])
household = create_household.sync(client=choso, body=new, idempotency_key="client-1")
again = create_household.sync_detailed(client=choso, body=new, idempotency_key="client-1")
assert again.parsed == household and again.headers["idempotency-replayed"] == "true", again
refused = create_household.sync(client=choso, body=new)
assert isinstance(refused, Problem) and (refused.status, refused.field) == (409, "household_ref"), refused

added = add_stall.sync(household.household_id, client=choso, body=stall("92"))
code = issue_code.sync(added.stall_id, client=choso)
assert added.stall_code in code.payload and code.state == "issued", code
shown = get_stall.sync(added.stall_id, client=choso)
assert [c.serial for c in shown.codes] == [code.serial], shown

after = with_code()
assert after == (before[0] + 1, before[1] + 1), (before, after)
missing = get_stall.sync("nowhere", client=choso)
assert isinstance(missing, Problem) and missing.status == 404, missing
stranger = AuthenticatedClient(base_url=url, token="choso_x")
assert indicators.sync_detailed(client=stranger, area=area).status_code == 401
print("done")
