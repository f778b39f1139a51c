// What a user of npm's openai sees: `openai_node.mjs URL NARROW_URL TEXTS KEY`. The same JSON as openai_python.py.
import OpenAI from "openai";

const [url, narrowUrl, given, apiKey] = process.argv.slice(2);
const texts = JSON.parse(given);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey });
const seen = {};

async function refused(call) {
  try {
    await call();
  } catch (error) {
    const { status, param, type, code, requestID, message } = error;
    return { status_code: status, param, type, code, request_id: requestID, class: error.constructor.name, message };
  }
  return null;
}

const answer = await client.moderations.create({ input: texts });
seen.list = { id: answer.id, model: answer.model, request_id: answer._request_id, results: answer.results };
seen.one = (await client.moderations.create({ input: texts[1], model: "text-moderation-latest" })).results;
seen.parts = (await client.moderations.create({ input: texts.map((text) => ({ type: "text", text })) })).results;
seen.empty = (await client.moderations.create({ input: "" })).results;
seen.own_id = (await client.moderations.create({ input: texts[0] }, { headers: { "x-request-id": "mine-1" } }))._request_id;
seen.async = (await Promise.all(texts.map((input) => client.moderations.create({ input })))).map((one) => one.results[0]);

const image = [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }];
seen.image = await refused(() => client.moderations.create({ input: image }));
seen.no_input = await refused(() => client.moderations.create({ input: [] }));
seen.no_path = await refused(() => client.models.list());

async function atOnce(maxRetries) {
  const there = new OpenAI({ baseURL: `${narrowUrl}/v1`, apiKey, maxRetries });
  return Promise.all([...Array(8).keys()].map(async (number) => {
    const input = [...Array(64).keys()].map((i) => `${number} and ${i} of some long and harmless words `.repeat(20));
    let tries = 0;
    const counting = there.withOptions({ fetch: (...all) => ((tries += 1), fetch(...all)) });
    try {
      await counting.moderations.create({ input });
    } catch (error) {
      return [error.code, error.type, error.headers.get("retry-after-ms"), Boolean(error.requestID)];
    }
    return ["ok", tries - 1];
  }));
}

seen.full = await atOnce(0);
seen.retried = await atOnce(20);
console.log(JSON.stringify(seen));
