// Asks the proxy at process.argv[2] through the vendors' own clients and prints what they said.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { readFileSync } from "node:fs";

const url = process.argv[2];
const content = readFileSync(0, "utf8");
const messages = [{ role: "user", content }];
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-secret", maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: "sk-ant-secret", maxRetries: 0 });

const { data, response } = await openai.chat.completions
  .create({ model: "gpt-4o", messages })
  .withResponse();
const said = {
  chat: data.choices[0].message.content,
  decision: response.headers.get("x-cprs-decision"),
};

said.stream = "";
for await (const chunk of await openai.chat.completions.create({
  model: "gpt-4o",
  messages,
  stream: true,
})) {
  said.stream += chunk.choices[0]?.delta?.content ?? "";
}

said.responses = (await openai.responses.create({ model: "gpt-4o", input: content })).output_text;

const message = await anthropic.messages
  .stream({ model: "claude-opus-4-8", max_tokens: 100, messages })
  .finalMessage();
said.messages = message.content.map((block) => block.text ?? "").join("");

console.log(JSON.stringify(said));
