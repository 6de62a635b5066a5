// Reads a histogram log with the official JavaScript implementation, adds up the
// intervals of each tag, and prints what that implementation makes of them.
import { readFileSync } from "node:fs";
import { HistogramLogReader, listTags } from "hdr-histogram-js";

const text = readFileSync(process.argv[2], "utf8");
const reader = new HistogramLogReader(text);
const tags = {};
for (let h; (h = reader.nextIntervalHistogram()); ) {
  const tag = (tags[h.tag] ??= { whole: h, intervals: 0, count: 0, firstMs: h.startTimeStampMsec, lengthMs: h.endTimeStampMsec - h.startTimeStampMsec });
  if (tag.whole !== h) tag.whole.add(h);
  tag.intervals++;
  tag.count += h.totalCount;
  tag.lastMs = h.startTimeStampMsec;
}
for (const tag of Object.values(tags)) {
  const h = tag.whole;
  tag.total = h.totalCount;
  tag.micros = Object.fromEntries([50, 90, 95, 99, 99.9, 100].map(p => [`p${p}`, h.getValueAtPercentile(p)]));
  tag.mean = h.mean;
  delete tag.whole;
}
console.log(JSON.stringify({ startMs: reader.startTimeSec * 1000, listed: listTags(text).sort(), tags }));
