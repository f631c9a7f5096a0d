import { describe, expect, it } from "vitest";
import { logRecord, tailedLog } from "@/testing/support";
import { contentKey, type Received, rowKeys, rowOf, withReceived } from "./received";

const at = (seconds: number) => `17000000${seconds}000000000`;
const found = (id: string, seconds: number) =>
  logRecord({ id, time: at(seconds), body: { type: "string", value: `line ${seconds}` } });
const received = (seconds: number): Received => ({
  row: rowOf(tailedLog({ time: at(seconds), body: { type: "string", value: `line ${seconds}` } })),
  atMs: 0,
});
const bodies = (rows: ReturnType<typeof withReceived>) => rows.map(({ body }) => body.value);

describe("contentKey", () => {
  it("is the same for a record that was received and one that was found", () => {
    expect(contentKey(received(10).row)).toBe(contentKey(found("7", 10)));
    expect(contentKey(found("7", 10))).not.toBe(contentKey(found("7", 11)));
  });
});

describe("withReceived", () => {
  it("puts what was received where its time belongs", () => {
    const rows = withReceived([found("2", 20), found("1", 10)], [received(30), received(15)]);
    expect(bodies(rows)).toEqual(["line 30", "line 20", "line 15", "line 10"]);
  });

  it("shows once what was both received and found, with the id that it was found by", () => {
    const rows = withReceived([found("2", 20), found("1", 10)], [received(20)]);
    expect(rows.map(({ id }) => id)).toEqual(["2", "1"]);
  });

  it("shows equal records as often as they came", () => {
    const rows = withReceived([found("1", 10)], [received(10), received(10)]);
    expect(bodies(rows)).toEqual(["line 10", "line 10"]);
  });
});

describe("rowKeys", () => {
  it("keeps the keys of rows when others come before them", () => {
    const old = [received(10).row, received(10).row, found("1", 9)];
    const before = rowKeys(old);
    expect(new Set(before).size).toBe(3);
    expect(rowKeys([received(11).row, received(10).row, ...old]).slice(2)).toEqual(before);
  });

  it("keeps the key of a row that was received once it is found", () => {
    expect(rowKeys([received(10).row])).toEqual(rowKeys([found("1", 10)]));
  });
});
