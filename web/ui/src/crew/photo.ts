// Photos are made small on the phone, which also takes out of them where and with what they were taken.
const longSide = 1600;

/** small returns a photo as a JPEG; one that the browser cannot read as it is: the server will say what is wrong with it. */
export async function small(file: Blob): Promise<ArrayBuffer> {
  try {
    const picture = await createImageBitmap(file, {imageOrientation: 'from-image'});
    const scale = Math.min(1, longSide / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const out = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.85));
    if (out) return await out.arrayBuffer();
  } catch {
    // kept as it is
  }
  return file.arrayBuffer();
}
