// A picture on its way to the model: made smaller, as a data URL.

import { trouble } from "./dom.js";

const LARGEST_SIDE = 1024;

// Returns the URL, or null when it is no picture, which the user is told.
export async function pictureUrl(file) {
  if (!file.type.startsWith("image/")) {
    trouble("That is not a picture.", `It is ${file.type || "of an unknown type"}.`);
    return null;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    trouble("The picture can't be read.", "Is the file complete?");
    return null;
  }
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.85);
}
