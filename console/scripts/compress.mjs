// Puts NAME.gz beside each file of a folder that gets at least a tenth smaller by it. Usage: node compress.mjs FOLDER
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";

const folder = process.argv[2];
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const bytes = readFileSync(path);
  const small = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
  if (small.length < bytes.length * 0.9) writeFileSync(`${path}.gz`, small);
}
