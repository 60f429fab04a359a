// The 10,000 test images of Fashion-MNIST, as Debian's package dataset-fashion-mnist has them.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const folder = "/usr/share/datasets/fashion-mnist";
/** Bytes of an image: 28 rows of 28. */
export const IMAGE_BYTES = 784;
const IMAGES_HEAD = 16;
const LABELS_HEAD = 8;

/** Why there are no images here; undefined where there are. */
export const imagesMissing = existsSync(`${folder}/t10k-images-idx3-ubyte.gz`)
  ? undefined
  : "Fashion-MNIST is missing (Debian package dataset-fashion-mnist)";

/** The images, and the class of each. */
export function testImages(): { images: Uint8Array[]; labels: Uint8Array } {
  const read = (name: string) =>
    new Uint8Array(gunzipSync(readFileSync(`${folder}/t10k-${name}-ubyte.gz`)));
  const pixels = read("images-idx3").subarray(IMAGES_HEAD);
  const labels = read("labels-idx1").subarray(LABELS_HEAD);
  const images = Array.from(labels, (_, index) =>
    pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES),
  );
  return { images, labels };
}
