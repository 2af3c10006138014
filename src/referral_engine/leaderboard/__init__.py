"""Boards: what they count, how they rank, and the pages read from them."""

from referral_engine.leaderboard.board import Board, BoardEntry
from referral_engine.leaderboard.standing import Place, Standing, ranked, window

__all__ = ["Board", "BoardEntry", "Place", "Standing", "ranked", "window"]
