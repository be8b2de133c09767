#!/usr/bin/env python3
"""all-MiniLM-L6-v2 against `sentence-transformers`; encoders of random weights, of the shapes that releases have, against
`transformers` itself in f32: Qwen3-Embedding (vectors), Qwen3-Reranker (scores and order, as its card computes them), BERT and
XLM-R cross-encoders (scores and order).

Usage: reference.sh [BUILD_DIR [LAYERS]], which calls reference.py EMBED_TOOL MINILM_FOLDER [LAYERS]
Ids are compared on the way, by the real tokenizer of Qwen3 where STUDIO_QWEN3_TOKENIZER names its tokenizer.json. Prints the
largest difference of a score and the least cosine; counts last.
"""
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, folder) for folder in ("tools/golden", "tests/encoders", "tests/tokenizer")]
import corpus  # noqa: E402
import make_qwen3_encoders as qwen3  # noqa: E402
from make_encoder import OUT, TEXTS, write_json  # noqa: E402
from parity import run_tool, slices  # noqa: E402

SEED, LONGEST = 11, 1024
LEAST_COSINE, MOST_DIFFERENCE = 0.9999, 1e-3
DOCUMENTS = [text for text in [*TEXTS, *qwen3.TEXTS] if text.strip("\0 ") and "\0" not in text]
QUERY = "how do I cancel a running batch job?"
WIDE = dict(hidden_size=512, intermediate_size=1536, num_attention_heads=8, num_key_value_heads=4, head_dim=128)


def qwen3_tokenizer(ends):
    path = os.environ.get("STUDIO_QWEN3_TOKENIZER")
    made = Tokenizer.from_file(path) if path else qwen3.tokenizer()
    return qwen3.with_end(made) if ends else made


def draw(model):
    """Weights drawn wide enough that attention is sharp and a wrong rotation or norm moves every value."""
    random = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            drawn = torch.randn(weight.shape, generator=random)
            is_norm = "norm" in name.lower() and name.endswith("weight")
            scale = 0.1 if is_norm else 0.1 if name.endswith("bias") else 0.05 if "embed" in name else 1.2 / weight.shape[-1] ** 0.5
            weight.copy_(drawn * scale + (1 if is_norm else 0))
    return model.float().eval()


def qwen3_folder(folder, made, cls, layers, dtype):
    config = transformers.Qwen3Config(vocab_size=made.get_vocab_size(), num_hidden_layers=layers, max_position_embeddings=LONGEST,
                                      rope_parameters={"rope_type": "default", "rope_theta": 1e6}, tie_word_embeddings=True,
                                      attn_implementation="eager", **WIDE)
    draw(cls(config)).to(dtype).save_pretrained(folder)
    data = json.load(open(os.path.join(folder, "config.json"), encoding="utf-8"))
    write_json(os.path.join(folder, "config.json"), {**data, "architectures": ["Qwen3ForCausalLM"]})
    made.save(os.path.join(folder, "tokenizer.json"))
    return cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def check_minilm(tool, folder):
    """As its users compute it: tokenizer, pooling and normalisation are that library's own."""
    texts = [*DOCUMENTS, *slices(corpus.corpus(0.5))]
    expected = SentenceTransformer(folder, device="cpu").encode(texts, batch_size=1, show_progress_bar=False).astype(float)
    ours = [vector.astype(float) for vector in run_tool(tool, folder, "vectors", texts)]
    worst = min(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(ours, expected))
    print(f"  all-MiniLM-L6-v2 to sentence-transformers: {len(texts)} texts, least cosine 1 - {1 - worst:.1e}")
    return worst >= LEAST_COSINE


def hidden(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).last_hidden_state[0].double().numpy()


def check_embedding(tool, work, layers):
    made, folder = qwen3_tokenizer(True), os.path.join(work, "embedding")
    model = qwen3_folder(folder, made, transformers.Qwen3Model, layers, torch.bfloat16)
    for name in ("modules.json", "config_sentence_transformers.json", "1_Pooling"):
        source = os.path.join(OUT, "tiny-qwen3-embedding", name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(folder, name))
    write_json(os.path.join(folder, "1_Pooling/config.json"), {"embedding_dimension": WIDE["hidden_size"], "pooling_mode": "lasttoken"})
    texts = [prompt + text for prompt in ("", qwen3.PROMPT) for text in DOCUMENTS]
    expected_ids = [made.encode(text).ids for text in texts]
    wrong = sum(list(ours) != ids for ours, ids in zip(run_tool(tool, folder, "ids", texts), expected_ids))
    worst = 1.0
    for ours, ids in zip(run_tool(tool, folder, "vectors", texts), expected_ids):
        expected = hidden(model, ids)[-1]
        worst = min(worst, float(ours.astype(float) @ expected / np.linalg.norm(expected) / np.linalg.norm(ours)))
    print(f"  Qwen3-Embedding, {layers} layers: {len(texts)} texts, {wrong} differ in ids, least cosine 1 - {1 - worst:.1e}")
    return wrong == 0 and worst >= LEAST_COSINE


def compare(name, tool, folder, query, documents, logits, to_score):
    ours = np.array([float(values[0]) for values in run_tool(tool, folder, "pairs", [f"{query}\0{text}" for text in documents])])
    difference = float(np.abs(to_score(ours) - to_score(np.array(logits))).max())
    near = np.abs(np.diff(np.sort(logits))).min()
    same = bool((np.argsort(-ours, kind="stable") == np.argsort(-np.array(logits), kind="stable")).all())
    print(f"  {name}: {len(documents)} documents, scores within {difference:.1e}, the same order: {same} (nearest logits {near:.1e} apart)")
    return same and difference <= MOST_DIFFERENCE


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def check_qwen3_reranker(tool, work, layers):
    made, folder = qwen3_tokenizer(False), os.path.join(work, "qwen3-reranker")
    model = qwen3_folder(folder, made, transformers.Qwen3ForCausalLM, layers, torch.float32)
    before, after = (made.encode(text).ids for text in (qwen3.BEFORE, qwen3.AFTER))
    yes, no = made.token_to_id("yes"), made.token_to_id("no")
    logits = []
    for text in DOCUMENTS:
        ids = before + made.encode(f"<Instruct>: {qwen3.TASK}\n<Query>: {QUERY}\n<Document>: {text}").ids + after
        with torch.no_grad():
            last = model(torch.tensor([ids])).logits[0, -1]
        logits.append(float(last[yes] - last[no]))  # whose sigmoid is the softmax over both
    return compare(f"Qwen3-Reranker, {layers} layers", tool, folder, QUERY, DOCUMENTS, logits, sigmoid)


def check_cross_encoder(tool, work, name, config, cls, tokenizer_data):
    folder = os.path.join(work, name)
    made = Tokenizer.from_str(json.dumps(tokenizer_data))
    model = draw(cls(config(vocab_size=made.get_vocab_size(), hidden_size=384, intermediate_size=1536, num_attention_heads=12,
                            num_hidden_layers=6, num_labels=1, max_position_embeddings=514,
                            type_vocab_size=2 if name == "bert" else 1, attn_implementation="eager")))
    model.save_pretrained(folder)
    write_json(os.path.join(folder, "tokenizer.json"), tokenizer_data)
    logits = []
    for text in DOCUMENTS:
        encoding = made.encode(QUERY, text)
        types = {"token_type_ids": torch.tensor([encoding.type_ids])} if name == "bert" else {}
        with torch.no_grad():
            logits.append(float(model(torch.tensor([encoding.ids[:512]]), **types).logits[0, 0]))
    return compare(f"{name} cross-encoder", tool, folder, QUERY, DOCUMENTS, logits, sigmoid)


def tokenizers():
    with open(os.path.join(OUT, "tiny-bert/tokenizer.json"), encoding="utf-8") as file:
        bert = json.load(file)
    with open(os.path.join(OUT, "unigram.json"), encoding="utf-8") as file:
        return bert, json.load(file)[0]["tokenizer"]


def main():
    tool, minilm, layers = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 8
    bert, xlmr = tokenizers()
    with tempfile.TemporaryDirectory() as work:
        results = [check_minilm(tool, minilm), check_embedding(tool, work, layers), check_qwen3_reranker(tool, work, layers),
                   check_cross_encoder(tool, work, "bert", transformers.BertConfig, transformers.BertForSequenceClassification, bert),
                   check_cross_encoder(tool, work, "xlm-roberta", transformers.XLMRobertaConfig,
                                       transformers.XLMRobertaForSequenceClassification, xlmr)]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
