// OpenAI's client for Node (`npm install openai`): node examples/openai_node.mjs http://127.0.0.1:8080
import OpenAI from "openai";

const url = process.argv[2] ?? process.env.TIDEGATE_URL ?? "http://127.0.0.1:8080";
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.TIDEGATE_API_KEY ?? "unused" }); // the line that changes

const texts = ["Have a nice day.", "You are a worthless idiot."];
const { results } = await client.moderations.create({ input: texts });
results.forEach(({ flagged, categories }, i) => {
  const names = Object.keys(categories).filter((name) => categories[name]);
  console.log(flagged ? `${texts[i]}: flagged for ${names.join(", ")}` : `${texts[i]}: passes`);
});
