"""Texts of many kinds, written for these tests: what prompts ask about."""

from __future__ import annotations

REPORT = """Harbour Authority, report for the third quarter

Container traffic rose by four percent against the same quarter of last year, to 212,400 units. The
new crane on quay 7 was taken into service on 14 August, three weeks late, because the supplier had
delivered the wrong slip ring. Until then two ships a week were sent on to Northport.

Maintenance cost 3.1 million, of which 0.4 million went to the dredging of the outer basin. The
board approved a further 1.2 million for the repair of the eastern breakwater, on the motion of
Ms Adeyemi. Mr Lindqvist abstained.

Two accidents were reported. On 2 July a straddle carrier ran into a lamp post; nobody was hurt. On
19 September a docker broke his wrist when a twist lock snapped. The lock came from a batch that has
been withdrawn since.

For the last quarter we expect traffic to stay level. The price of electricity for ships at berth
goes up to 0.31 per kWh from 1 November. A tender for the second shore connection closes in
December, and the works council has asked for longer breaks during the night shift."""

STORY = """The lighthouse keeper had not spoken to anyone for eleven days when the boat came
in. It was a small boat with a blue hull, and the woman who rowed it did not wave. She tied it to
the iron ring below the stairs and came up with a parcel under her arm.

"You are Tomas," she said. "My brother told me you would be taller."

He put the kettle on. Outside the wind had turned to the north, and the gulls sat in rows on the
lee side of the wall. She unwrapped the parcel on the table: a brass barometer, its glass cracked
from edge to edge. "It was his," she said. "It fell on the night he died, and it has read storm
ever since."

Tomas tapped the glass. The needle did not move. He hung the barometer on the nail where the
calendar had been, poured the tea, and asked her name. She was called Ilse. She stayed until the
spring, and when she left the needle stood at fair."""

LOG = "\n".join(
    f"2026-03-{1 + i // 20:02d} 04:{i % 60:02d}:11,{i:03d} "
    + (
        "ERROR db-2 connection refused after 3 retries"
        if i == 37
        else f"INFO worker-{i % 5} finished batch {4000 + i} in {120 + i} ms"
    )
    for i in range(60)
)

CODE = '''import time
from collections import deque


class RateLimiter:
    """Allows so many calls in a window of seconds."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls = calls
        self.seconds = seconds
        self._times: deque[float] = deque()

    def allow(self) -> bool:
        now = time.time()
        while self._times and now - self._times[0] > self.seconds:
            self._times.popleft()
        if len(self._times) >= self.calls:
            return False
        self._times.append(now)
        return True


def retry(function, attempts=3, delay=0.5):
    # Is this right for async functions?
    for attempt in range(attempts):
        try:
            return function()
        except OSError:
            if attempt == attempts - 1:
                raise
            time.sleep(delay * 2**attempt)'''

EMAIL = """From: Priya Raman <priya@harrow-tools.example>
To: Jonas Weber <jonas@harrow-tools.example>
Date: Tue, 12 May 2026 09:14:02 +0200
Subject: Re: delivery of the lathes

Hi Jonas,

the haulier called this morning. Two of the five lathes stand in Antwerp and wait for a customs
paper that nobody told us about. The other three arrive on Thursday between ten and noon at gate C.

I asked Marta to book the forklift for the whole day. Could you check whether the floor in hall 2
carries 4.2 tonnes on four points? The last survey is from 2011.

The invoice is due on the 30th and we get two percent off if we pay within a week.

Best
Priya"""

TRANSCRIPT = """[00:00:04] Dana: Morning everyone. Let's start with the outage on Sunday.
[00:00:11] Ravi: It began at 02:40. The certificate of the internal proxy had run out.
[00:00:19] Dana: Who was on call?
[00:00:21] Ravi: I was. The pager was silent because the alert went to the old channel.
[00:00:30] Mei: We moved the channel in April. I have the list of alerts that still point there.
[00:00:38] Dana: How many are there?
[00:00:40] Mei: Nineteen. I can change them today, it takes an hour.
[00:00:47] Ravi: The renewal itself is automated now, there is a job that runs every Monday.
[00:00:55] Dana: Good. What did customers see?
[00:00:58] Ravi: Log-ins failed for 71 minutes. About 2,300 people tried, support got 140 tickets.
[00:01:09] Mei: Three large accounts asked for a written explanation.
[00:01:15] Dana: I'll write that one. Ravi, please send me the timeline by noon. Anything else?"""

CONTRACT = """1. Parties. This agreement is made between Fenwick Data Ltd ("Supplier") and the
municipality of Ostrava ("Customer").

2. Term. It begins on 1 January 2027 and runs for thirty-six months. Either party may end it with
ninety days' notice in writing after the first twelve months.

3. Fees. Customer pays 14,500 per month, in advance, within twenty-one days of the invoice. Late
payments bear interest of eight percent a year.

4. Liability. Supplier's liability is limited to the fees paid in the six months before the claim,
except in cases of gross negligence, wilful harm or breach of clause 6.

5. Service levels. The service is available 99.7 percent of each calendar month. For every tenth of
a percent below, Customer receives a credit of three percent of the monthly fee.

6. Confidentiality. Each party keeps secret what it learns of the other for five years beyond the
end of this agreement.

7. Law. This agreement is governed by the laws of the Czech Republic. The courts of Prague have
exclusive jurisdiction."""

MARKDOWN = """# Installing the gateway

## Requirements

- Linux 5.10 or newer
- 2 GB of memory
- a token from the console

## Steps

1. Download the package for your platform.
2. Unpack it to `/opt/gateway`.
3. Write the token into `gateway.toml`:

```toml
[auth]
token = "gw_..."
```

4. Start the service and open port 7443.

## Troubleshooting

The gateway stops with code 12 when the clock of the machine is off by more than five minutes. With
code 31 the token has expired: make a new one in the console. Behind a proxy, set `https_proxy` for
the service as well; the environment of your shell does not reach it."""

CSV = "\n".join(
    ["order,date,customer,city,amount,status"]
    + [
        f"{7000 + i},2026-02-{1 + i % 28:02d},Customer {i},"
        f"{('Graz', 'Turin', 'Lyon', 'Porto')[i % 4]},{(i * 37) % 900}.50,"
        f"{'refunded' if i == 23 else 'paid'}"
        for i in range(40)
    ]
)

JSON = (
    "[\n"
    + ",\n".join(
        f'  {{"id": {i}, "name": "pump-{i}", "site": "S{i % 3}", "pressure": {2 + i / 10}, '
        f'"faults": {["[]", chr(91) + chr(34) + "seal" + chr(34) + chr(93)][i == 9]}}}'
        for i in range(20)
    )
    + "\n]"
)

CHINESE = """二〇二五年第三季度，公司营业收入为人民币三十二亿元，同比增长百分之十一。
研发费用上升到四点六亿元，
主要用于新一代电池的试验线。董事会于九月十八日在苏州召开会议，由董事长周敏主持，会议批准了在合肥建设第二工厂的计划，
总投资十五亿元，预计二〇二七年投产。

报告期内，海外销售占比提高到百分之二十八，其中欧洲市场增长最快。公司与挪威的一家渡轮运营商签订了为期五年的供货合同。
原材料方面，碳酸锂价格继续回落，毛利率升至百分之二十三点四。

风险方面，公司提示汇率波动以及一项专利诉讼可能带来的影响。该诉讼由一家日本企业提起，预计明年春季开庭。"""

GERMAN = """Sitzung des Gemeinderats vom 4. Juni

Der Rat beriet über die Sanierung des Freibads. Die Kosten werden auf 2,3 Millionen geschätzt, von
denen das Land vierzig Prozent übernimmt. Frau Öztürk regte an, die Umkleiden barrierefrei zu bauen.
Der Antrag wurde mit elf gegen vier Stimmen angenommen.

Unter Punkt 3 wurde die neue Buslinie zum Gewerbegebiet vorgestellt. Sie soll ab September alle
zwanzig Minuten fahren. Herr Brandt fragte nach den Haltestellen; die Verwaltung will bis zur
nächsten Sitzung einen Plan vorlegen. Der Haushalt für das kommende Jahr wird im Oktober beraten."""

FAQ = """Frequently asked questions

Q: How do I reset my password?
A: Open the log-in page and follow the link below the form. The mail takes up to five minutes.

Q: Can I change the owner of a project?
A: Yes, under Settings, Members. The new owner has to accept within seven days, or the change is
dropped without notice.

Q: Which regions are available?
A: Frankfurt, Oregon and Osaka. São Paulo follows next year.

Q: What happens to my data when I leave?
A: It is deleted after thirty days. Until then you may ask support for an export in Parquet."""

PASSAGES = [
    "Title: Tides of the Bay\nThe bay has a tidal range of eleven metres, which made it a site of "
    "early experiments with tidal mills. The oldest stood at Kerlo and burned down in 1788.",
    "Title: Lamp oils\nBefore gas, street lamps burned rape-seed oil. Cities paid lamplighters by "
    "the lamp, and in winter the oil froze, so that many streets stayed dark.",
    "Title: Kerlo\nKerlo is a village of nine hundred people. Its mill museum opened in 1994 and "
    "holds a model of the mill wheel, three metres across, carved by Anna Prigent.",
    "Title: Railways of the coast\nThe line along the coast was closed in 1972. Its bridges carry "
    "a cycle path today, and the station of Kerlo is a bakery.",
    "Title: Mill wheels\nUndershot wheels turn slowly and need much water. Tidal mills used them "
    "with gates that kept the flood behind a dam until the ebb.",
]
