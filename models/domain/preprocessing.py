"""How posts become inputs. A model must be served as it was trained, so that its bundle names the version."""

# 1: every text and picture as its library gives it, a text as far as the first tokens go.
# 2: texts are folded (models.domain.folding) and long ones read in windows (models.data.tokenizer),
# and pictures and videos are opened as people see them.
FIRST, PREPROCESSING = 1, 2
