# SPDX-License-Identifier: Apache-2.0
"""The demo's page: one HTML file with SVG plots and nothing from elsewhere."""
import html

WIDTH, LEFT, RIGHT = 960, 64, 12
STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5d6b7d;--line:#d9dfe7;--card:#fff;--ground:#f4f6f9;--data:#2463b3;--score:#6a3fa0;
--fault:#d64545;--warn:#e09600;--crit:#c62828;--good:#2e7d4f}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf4;--soft:#9aa8ba;--line:#2c3644;--card:#19212c;--ground:#10161e;--data:#6aa9f4;
--score:#b795e8;--fault:#ff7b72;--warn:#f2b53c;--crit:#ff6b6b;--good:#5fc48a}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1040px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:0}
p{margin:4px 0;color:var(--soft)}.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin-top:16px}
.head{display:flex;gap:14px;align-items:baseline;flex-wrap:wrap;margin-bottom:6px}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
.missed{color:var(--crit);font-weight:600}.warned{color:var(--good);font-weight:600}svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}.key{font-size:13px}.key i{display:inline-block;width:14px;height:10px;border-radius:2px;margin:0 5px 0 14px}
"""


def thin(points, columns=900):
    """At most two points (least and greatest) for each column of the plot, so that a peak is never lost."""
    if len(points) <= 2 * columns:
        return points
    low, high = points[0][0], points[-1][0]
    kept = {}
    for ms, value in points:
        kept.setdefault(int((ms - low) / max(1, high - low) * columns), []).append((ms, value))
    return [point for group in kept.values() for point in sorted({min(group, key=lambda p: p[1]), max(group, key=lambda p: p[1])})]


class Card:
    """All plots of one asset over the same time axis."""

    def __init__(self, title, note, since, until, moment):
        self.title, self.note, self.since, self.until, self.moment = title, note, since, until, moment
        self.parts, self.height, self.faults = [], 0, []

    def x(self, ms):
        return LEFT + (ms - self.since) / max(1, self.until - self.since) * (WIDTH - LEFT - RIGHT)

    def curve(self, name, points, color, low=None, high=None, tall=64):
        """One curve with its own scale."""
        top, bottom = self.height + 18, self.height + 18 + tall
        self.height = bottom + 10
        numbers = [value for _, value in points]
        low = min(numbers, default=0) if low is None else low
        high = max(numbers, default=1) if high is None else high
        pad = (high - low) * 0.08 or 0.5
        low, high = low - pad, high + pad
        y = lambda value: bottom - (value - low) / (high - low) * tall
        path = " ".join(f"{self.x(ms):.1f},{y(value):.1f}" for ms, value in thin(points))
        self.parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="var(--line)"/>'
                          f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{high - pad:.4g}</text>'
                          f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">{low + pad:.4g}</text>'
                          f'<text x="{LEFT}" y="{top - 4}" style="fill:var(--ink)">{html.escape(name)}</text>'
                          f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.3"/>')

    def levels(self, episodes):
        """The band below: orange while WARNING, red while CRITICAL."""
        top = self.height + 2
        self.parts.append(f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">level</text>'
                          f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="12" fill="var(--line)" rx="2"/>')
        for first, last, level in episodes:
            color = "var(--crit)" if level == "CRITICAL" else "var(--warn)"
            self.parts.append(f'<rect x="{self.x(first):.1f}" y="{top}" width="{max(1.5, self.x(last) - self.x(first)):.1f}" height="12" fill="{color}"/>')
        self.height += 20

    def fault(self, label, began, ended):
        self.faults.append((label, began, ended))

    def axis(self):
        for i in range(6):
            ms = self.since + (self.until - self.since) * i / 5
            anchor = "start" if i == 0 else "end" if i == 5 else "middle"
            self.parts.append(f'<text x="{self.x(ms):.1f}" y="{self.height + 12}" text-anchor="{anchor}">{html.escape(self.moment(ms))}</text>')
        self.height += 18

    def svg(self):
        self.axis()
        shade = "".join(f'<rect x="{self.x(began):.1f}" y="4" width="{self.x(ended) - self.x(began):.1f}" height="{self.height - 22}" '
                        f'fill="var(--fault)" opacity="0.13"/><line x1="{self.x(began):.1f}" x2="{self.x(began):.1f}" y1="4" y2="{self.height - 18}" '
                        f'stroke="var(--fault)" stroke-dasharray="3 3"/><text x="{self.x(began) + 4:.1f}" y="{self.height - 42}" '
                        f'style="fill:var(--fault)">{html.escape(label)}</text>' for label, began, ended in self.faults)
        return (f'<section class="card"><div class="head"><h2>{html.escape(self.title)}</h2><p>{html.escape(self.note)}</p></div>'
                f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{html.escape(self.title)}">{shade}{"".join(self.parts)}</svg></section>')


def runs(levels):
    """[(first ms, last ms, level)] of unbroken equal levels above NORMAL."""
    found = []
    for ms, level in levels:
        if found and found[-1][2] == level:
            found[-1] = (found[-1][0], ms, level)
        else:
            found.append((ms, ms, level))
    return [run for run in found if run[2] != "NORMAL"]


def write(path, title, note, verdict, cards, moment, span):
    rows = "".join(
        f'<tr><td>{html.escape(label)}</td><td>{html.escape(series)}</td><td>{moment(began)}</td>'
        + (f'<td class="warned">{moment(warned)}</td><td>{span(warned - began)}</td>' if warned else '<td class="missed">missed</td><td>–</td>') + "</tr>"
        for label, series, began, _, warned in verdict.rows)
    share = 100 * verdict.flagged / verdict.readings if verdict.readings else 0
    document = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{html.escape(title)}</h1><p>{html.escape(note)}</p>
<section class="card"><table><tr><th>fault</th><th>asset</th><th>began</th><th>warned</th><th>delay</th></tr>{rows}</table>
<p>missed: {len(verdict.missed())} of {len(verdict.rows)} · false warnings: {len(verdict.false)} · flagged: {verdict.flagged} of {verdict.readings} readings ({share:.2f} %)</p>
<p class="key">Key:<i style="background:var(--data)"></i>reading<i style="background:var(--score)"></i>anomaly score<i style="background:var(--warn)"></i>WARNING
<i style="background:var(--crit)"></i>CRITICAL<i style="background:var(--fault);opacity:.35"></i>fault, as it really was</p></section>
{"".join(card.svg() for card in cards)}</main></body></html>
"""
    path.write_text(document)
