// Packs a folder into the blob that is embedded in the binary; docs/formats/console_blob.md draws it.
// usage: node pack.mjs FOLDER BLOB
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join, posix, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

const [folder, blob] = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .map((path) => ({ path, name: posix.join("/", relative(folder, path).split(sep).join("/")) }))
  .sort((a, b) => (a.name < b.name ? -1 : 1));

const parts = [];
const lines = [];
let offset = 0;
for (const { path, name } of files) {
  const type = types[extname(name)];
  if (!type) throw new Error(`${name}: no content type is known for this ending; add it to pack.mjs`);
  const bytes = readFileSync(path);
  const packed = gzipSync(bytes, { level: 9 });
  const etag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  lines.push([name, type, offset, packed.length, etag].join("\t") + "\n");
  parts.push(packed);
  offset += packed.length;
}
const index = Buffer.from(lines.join(""));
const size = Buffer.alloc(8);
size.writeBigUInt64LE(BigInt(index.length));
writeFileSync(blob, Buffer.concat([size, index, ...parts]));
